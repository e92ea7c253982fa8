"""What might make text worth more: labels of other sets, other encoders, a draft of the answer; part of the page of
``benchmarks.predictor_cards``.

Every try is measured by its gain in AUROC over the class mean, which knows set and model and is fitted on the
same questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from benchmarks.predictor_banks import Encoders
from benchmarks.predictor_card import ROUNDING, Cell, Gain, clear
from benchmarks.predictor_drafts import EACH, draft_tries
from benchmarks.predictor_pairs import (
    MODELS,
    SETS,
    Mask,
    Predicted,
    Rows,
    left_out,
    panel_labels,
    rows_of,
    transferred,
    within_sets,
)
from tts_agent.difficulty.arrays import Floats
from tts_agent.difficulty.questions import assign_folds
from tts_agent.evaluation.bootstrap import interval
from tts_agent.evaluation.score_intervals import MEASURES, Resampled, resampled

FOLDS = 5
MEAN = "mean of sets"
AUROC, NLL = MEASURES.index("auroc"), MEASURES.index("nll")
DRAFTS = f"""\
{{questions}} questions of MATH-500 with {EACH} drafts each (DeepSeek-R1-Distill-Llama-8B): the draft's first 256
word pieces, against the outcomes of the *other* samples. No other bank holds texts of samples.
"""
PAIRS = f"""\
{{questions}} questions of {len(SETS)} sets, at most {MODELS} models a panel, {{pairs}} pairs of a question and a
model; the pair's outcome is predicted. Cells are gains in AUROC over the class mean, which knows set and model (of
a set that was left out: the model alone) and is fitted on the same questions. *Own labels*: trained on the set's
other folds. *All sets*: on the other folds of all sets, the model's identity a feature. *Other sets only*: the set
is left out whole. *On top*: own labels once more, with the prediction of the head that was trained on the other
sets in the vector's place.
"""


def measure_pairs(encoders: Encoders, most: int, seed: int) -> dict[str, Any]:
    """Every try on every set, as JSON: AUROC, its gain over the class mean, and that gain over the first try's."""
    labels = panel_labels(most, seed)
    tries: dict[str, Predicted] = {}
    rows: Rows | None = None
    for name, encoder in encoders.items():
        rows = rows_of(labels, encoder)
        fold = assign_folds(rows.data.group, FOLDS, seed)
        others = left_out(rows, rows.kinds, seed)
        tries[f"own labels, {name}"] = within_sets(rows, fold, seed)
        if len(tries) == 1:
            tries["own labels, counts of the text alone"] = within_sets(rows.without_vectors(), fold, seed)
            tries[f"labels of all sets together, {name}"] = left_out(rows, fold, seed)
        tries[f"own labels on top of what other sets taught, {name}"] = transferred(rows, others, fold, seed)
        tries[f"other sets only (this one left out), {name}"] = others
    if rows is None:
        raise ValueError("there is no encoder to try")
    kinds = rows.kinds
    found: dict[str, dict[str, Any]] = {name: {} for name in tries}
    draws: dict[str, list[Floats]] = {name: [] for name in tries}
    for kind in np.unique(kinds):
        for name, tried in tries.items():
            text, mean = _scored(rows, tried, kinds == kind, seed)
            found[name][list(SETS)[kind]] = {
                "auroc": text.scores.auroc,
                "gain": asdict(Gain.of(text, mean, "auroc")),
                "nll": asdict(Gain.of(text, mean, "nll")),
            }
            draws[name].append(text.replicates - mean.replicates)
    first = next(iter(tries))
    for name in tries:
        each = found[name]
        gains = [each[kind]["gain"]["value"] for kind in each]
        own = [found[first][kind]["gain"]["value"] for kind in SETS]
        losses = [each[kind]["nll"]["value"] for kind in each]
        drawn, drawn_first = np.mean(draws[name], axis=0), np.mean(draws[first], axis=0)
        each[MEAN] = {
            "auroc": float(np.mean([each[kind]["auroc"] for kind in each])),
            "gain": _gain(float(np.mean(gains)), drawn[:, AUROC]),
            "nll": _gain(float(np.mean(losses)), drawn[:, NLL]),
            "more": _gain(float(np.mean(gains) - np.mean(own)), (drawn - drawn_first)[:, AUROC]),
        }
    questions, pairs = len(np.unique(rows.question)), len(rows.data)
    return {"questions": questions, "pairs": pairs, "encoders": list(encoders), "tries": found}


def measure_drafts(encoders: Encoders, seed: int) -> dict[str, Any]:
    """The same for drafts, with the default encoder."""
    rows, tries = draft_tries(next(iter(encoders.values())), seed)
    every = np.ones(len(rows.data), dtype=np.bool_)
    found = {}
    for name, tried in tries.items():
        text, mean = _scored(rows, tried, every, seed)
        found[name] = {
            "auroc": asdict(Cell(text.scores.auroc or np.nan, *text.within("auroc"))),
            "gain": asdict(Gain.of(text, mean, "auroc")),
            "nll": asdict(Gain.of(text, mean, "nll")),
        }
    return {"questions": len(np.unique(rows.question)), "tries": found}


def tries_page(pairs: Mapping[str, Any], drafts: Mapping[str, Any], encoders: Mapping[str, str]) -> list[str]:
    """All of them; `encoders` are descriptions by name."""
    return [*_pairs_page(pairs, encoders), *_drafts_page(drafts)]


def _pairs_page(pairs: Mapping[str, Any], encoders: Mapping[str, str]) -> list[str]:
    tries = pairs["tries"]
    first = next(iter(tries))
    said = PAIRS.format(questions=pairs["questions"], pairs=pairs["pairs"])
    lines = ["## What might make text worth more", "", said]
    lines += [f"- {name}: {encoders[name]}" for name in pairs["encoders"]]
    lines += ["", f"| try | {' | '.join(SETS)} | {MEAN} | over {first} | NLL, {MEAN} |", "|---" * (len(SETS) + 4) + "|"]
    for name, found in tries.items():
        cells = " | ".join(str(Gain(**found[kind]["gain"])) for kind in (*SETS, MEAN))
        more = "" if name == first else str(Gain(**found[MEAN]["more"]))
        lines.append(f"| {name} | {cells} | {more} | {Gain(**found[MEAN]['nll'])} |")
    return [*lines, "", *_said(tries, first), ""]


def _said(tries: Mapping[str, Any], first: str) -> list[str]:
    """What the table says, corrected for the number of tries."""
    names = list(tries)
    known = dict(zip(names, clear([Gain(**tries[name][MEAN]["gain"]) for name in names]), strict=True))
    others = [name for name in names if name != first]
    more = dict(zip(others, clear([Gain(**tries[name][MEAN]["more"]) for name in others]), strict=True))
    lines = [
        f"Corrected for {len(names)} tries (Holm, 5 %), the mean gain over the class mean is clear for "
        f"{_named([name for name in names if known[name]])}, and clearly above that of own labels with the default "
        f"encoder for {_named([name for name in others if more[name] and tries[name][MEAN]['more']['value'] > 0.0])}."
    ]
    harm = [f"{name} on {kind}" for name in names for kind in SETS if tries[name][kind]["gain"]["high"] < -ROUNDING]
    dearer = [
        f"{name} on {kind} {Gain(**tries[name][kind]['nll'])}"
        for name in names
        for kind in SETS
        if tries[name][kind]["nll"]["low"] > ROUNDING
    ]
    below = f"{len(harm)} of {len(names) * len(SETS)} ({_named(harm)})"
    return [
        *lines,
        f"Cells with an interval below nothing: {below}; by chance alone 2.5 % would be. By NLL, which counts how far "
        f"a belief is off and not its rank alone, worse than the class mean: {len(dearer)} ({_named(dearer)}).",
    ]


def _drafts_page(drafts: Mapping[str, Any]) -> list[str]:
    lines = ["### Drafts of the answer", "", DRAFTS.format(questions=drafts["questions"])]
    lines += ["| seen | AUROC | AUROC over class mean | NLL over class mean |", "|---|---|---|---|"]
    tries = drafts["tries"]
    for name, each in tries.items():
        lines.append(f"| {name} | {Cell(**each['auroc'])} | {Gain(**each['gain'])} | {Gain(**each['nll'])} |")
    found = clear([Gain(**each["gain"]) for each in tries.values()])
    yes = [name for name, known in zip(tries, found, strict=True) if known]
    return [*lines, "", f"Clear after correction (Holm, 5 %): {_named(yes)}.", ""]


def _named(names: Sequence[str]) -> str:
    return "; ".join(names) if names else "none"


def _gain(value: float, draws: Floats) -> dict[str, float]:
    low, high = interval(draws)
    return asdict(Gain(value, float(low), float(high), float(np.nanstd(draws))))


def _scored(rows: Rows, tried: Predicted, mine: Mask, seed: int) -> tuple[Resampled, Resampled]:
    """Text and class mean on some pairs; questions are what is resampled."""
    present, index = np.unique(rows.question[mine], return_inverse=True)
    counts = replace(rows.data.counts[mine], question=index.astype(np.int64))
    said = {"text": tried.text[mine], "mean": tried.mean[mine]}
    found = resampled(said, counts, len(present), fold=tried.fold[mine], seed=seed)
    return found["text"], found["mean"]
