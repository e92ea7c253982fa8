"""`tts-agent train`: from labels to a difficulty estimator, and what it is worth on questions it has not seen."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from tts_agent.difficulty import DifficultyEstimator, SentenceEncoder, read_labels
from tts_agent.difficulty.encoder import DEFAULT_ENCODER
from tts_agent.difficulty.extra import torch_module
from tts_agent.difficulty.persistence import check_folder
from tts_agent.difficulty.two_stage import FitSettings
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.class_profiles import class_profiles
from tts_agent.learning.stored_labels import is_store, labels, vote_counts
from tts_agent.learning.suitability import check_labels

SMALL = 1_000
"""Rows below which heads are solved for (`FitSettings.small`): seconds instead of minutes."""


def train(
    data: Annotated[
        Path, typer.Argument(metavar="LABELS", help="What `tts-agent label` wrote, or label rows as JSON lines.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the estimator; one that is there is replaced.")] = Path(
        "estimator"
    ),
    encoder: Annotated[str, typer.Option(help="A sentence-transformers model: folder or name.")] = DEFAULT_ENCODER,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="Where texts are embedded; auto takes a GPU if there is one.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of splits and training.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the predictor card as JSON.")] = False,
) -> None:
    """Learn to predict pass@1 from LABELS, and print the scores on the fifth of the questions that was held out.

    The labels decide nothing alone: heads that predict no better than the class of step are shrunk to it.

    Example: tts-agent train labels.db --out estimator
    """
    check_folder(out)
    stored = is_store(data)
    rows = labels(data) if stored else read_labels(data)
    warnings = check_labels(rows)
    for sentence in warnings:
        print(f"tts-agent: note: {sentence}", file=sys.stderr)
    profiles = class_profiles(vote_counts(data)) if stored else {}
    estimator, card = DifficultyEstimator.fit(
        rows,
        encoder=SentenceEncoder(encoder, device=_device(device)),
        seed=seed,
        settings=FitSettings.small() if len(rows) < SMALL else None,
        profiles={kind: profile.to_json() for kind, profile in profiles.items()},
    )
    estimator.save(out)
    if as_json:
        print(json.dumps({"out": str(out), "warnings": warnings, "card": card.to_json()}, indent=2))
    else:
        print(f"{card.table()}\nsaved in {out}")


def _device(name: str) -> str | None:
    if name == "cuda" and not torch_module("`tts-agent train`").cuda.is_available():
        raise ConfigurationError("--device cuda: torch sees no CUDA device here; use --device cpu or auto")
    return None if name == "auto" else name
