"""`tts-agent train`: from labels to a difficulty estimator, and what it is worth on questions it has not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from tts_agent.cli import options
from tts_agent.cli.train_report import embedded, note, show
from tts_agent.difficulty import DifficultyEstimator, SentenceEncoder, read_labels
from tts_agent.difficulty.card_picture import png
from tts_agent.difficulty.embedding_store import StoredEncoder
from tts_agent.difficulty.encoder import DEFAULT_ENCODER
from tts_agent.difficulty.extra import torch_module
from tts_agent.difficulty.persistence import check_folder
from tts_agent.difficulty.two_stage import FitSettings
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.class_profiles import class_profiles
from tts_agent.learning.stored_labels import is_store, labels, vote_counts
from tts_agent.learning.suitability import check_labels

SMALL = 1_000
"""Rows below which heads are solved for (`FitSettings.small`)."""


def train(
    data: Annotated[
        Path, typer.Argument(metavar="LABELS", help="What `tts-agent label` wrote, or label rows as JSON lines.")
    ],
    out: options.EstimatorFolder = Path("estimator"),
    encoder: Annotated[str, typer.Option(help="A sentence-transformers model: folder or name.")] = DEFAULT_ENCODER,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="Where texts are embedded; auto takes a GPU if there is one.")
    ] = "auto",
    seed: options.TrainingSeed = 0,
    cache: options.Cache = True,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the card as JSON, with what its picture is drawn from.")
    ] = False,
) -> None:
    """Learn to predict pass@1 from LABELS, and score it on a held-out fifth of the questions: the predictor card.

    The card is printed, stored with the estimator, and drawn into its folder (card.png). Where texts say nothing about
    difficulty it shows that, and predictions are drawn back to the mean of the class.

    Example: tts-agent train labels.db --out estimator
    """
    check_folder(out)
    place = _device(device)
    stored = is_store(data)
    rows = labels(data) if stored else read_labels(data)
    warnings = check_labels(rows)
    for sentence in warnings:
        note(f"note: {sentence}")
    profiles = class_profiles(vote_counts(data)) if stored else {}
    sentences = SentenceEncoder(encoder, device=place)
    kept = StoredEncoder(sentences, variant=place or "", progress=embedded) if cache else None
    note(f"training on {len(rows)} rows")
    estimator, card = DifficultyEstimator.fit(
        rows,
        encoder=sentences if kept is None else kept,
        seed=seed,
        settings=FitSettings.small() if len(rows) < SMALL else None,
        profiles={kind: profile.to_json() for kind, profile in profiles.items()},
    )
    if kept is not None and kept.trouble:
        note(f"note: vectors are not kept: {kept.trouble}")
    estimator.save(out, picture=png(card))
    if as_json:
        print(json.dumps({"out": str(out), "rows": len(rows), "warnings": warnings, "card": card.to_json()}, indent=2))
    else:
        show(card, out)


def _device(name: str) -> str | None:
    """The device's name; None leaves the choice to sentence-transformers, where there is no CUDA device."""
    if name == "cpu":
        return name
    if torch_module("`tts-agent train`").cuda.is_available():
        return "cuda"
    if name == "cuda":
        raise ConfigurationError("--device cuda: torch sees no CUDA device here; use --device cpu or auto")
    return None
