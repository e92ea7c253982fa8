"""What might make text worth more: labels of other sets, other encoders, a draft of the answer; part of the page of
``benchmarks.predictor_cards``.

Every step is measured by its gain in AUROC over the class mean, which knows set and model and is fitted on the
same questions.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.predictor_banks import PANELS, Encoders, gain_cell, number
from tts_agent.difficulty.arrays import Floats, Ints
from tts_agent.difficulty.class_means import ClassMeans
from tts_agent.difficulty.encoder import Encoder
from tts_agent.difficulty.labels import Label
from tts_agent.difficulty.questions import Questions, assign_folds
from tts_agent.difficulty.two_stage import FitSettings, cross_fit
from tts_agent.evaluation.banks import BankError, find_bank, load_bank
from tts_agent.evaluation.score_intervals import Resampled, resampled
from tts_agent.evaluation.signals_vectors import Vectors
from tts_agent.evaluation.stream import thinned

SETS: Mapping[str, tuple[str, ...]] = {
    "gsm8k": (PANELS[0], PANELS[2]),
    "mmlu": PANELS[1:2],
    "crux": PANELS[3:4],
    "math-l5": PANELS[4:5],
    "swebench": PANELS[5:6],
    "bfcl": ("bfcl_2024-08__panel",),
    "chess": ("chess_puzzles__epoch_30runs",),
}
"""Panels by set: a set that is left out is left out whole, whoever recorded it."""
TRIED = 40
"""Questions of a panel."""
MODELS = 6
"""Of a panel, those that most panels have first."""
FOLDS = 5
DRAFTS = "math500_100__r1-distill-llama-8b__opt16.text"
DRAFTED = "math500_100__r1-distill-llama-8b__t0.8"
DRAFTS_EACH = 4
NO_TEXT = "no vectors"


@dataclass(frozen=True, eq=False)
class Rows:
    """n (question, model) pairs with vectors (n, e), and which of b questions each is about (n,)."""

    data: Questions
    vectors: Vectors
    question: Ints

    @property
    def kinds(self) -> Ints:
        """(n,) number of each pair's set in `SETS`."""
        return np.array([list(SETS).index(step.kind) for step in self.data.steps], dtype=np.int64)

    def without_vectors(self) -> Rows:
        """The same, with counts of the text only."""
        return replace(self, vectors=np.zeros((len(self.data), 1), dtype=np.float32))


def panel_labels(most: int, seed: int) -> list[Label]:
    """A row for each question and model, at most `most` questions of a panel and `MODELS` models."""
    banks = {name: load_bank(find_bank(name)) for names in SETS.values() for name in names}
    seen: dict[str, int] = {}
    for bank in banks.values():
        for model in {_model(sample.source) for question in bank.questions for sample in question.samples}:
            seen[model] = seen.get(model, 0) + 1
    labels = []
    for kind, names in SETS.items():
        for name in names:
            here = {_model(sample.source) for question in banks[name].questions for sample in question.samples}
            chosen = set(sorted(here, key=lambda model: (-seen[model], model))[:MODELS])
            for question in thinned(banks[name], most, seed=seed).questions:
                by_model: dict[str, list[bool]] = {}
                for sample in question.samples:
                    if (model := _model(sample.source)) in chosen:
                        by_model.setdefault(model, []).append(sample.correct)
                text = question.question or question.id
                labels += [
                    Label(text, kind, model, question.id, sum(passed), len(passed))
                    for model, passed in by_model.items()
                ]
    return labels


def rows_of(labels: Sequence[Label], encoder: Encoder) -> Rows:
    """Labels with vectors of their texts."""
    data = Questions.of(labels)
    texts = list(dict.fromkeys(step.text for step in data.steps))
    place = {text: index for index, text in enumerate(texts)}
    question = np.array([place[step.text] for step in data.steps], dtype=np.int64)
    return Rows(data, encoder.encode(texts)[question], question)


Mask = npt.NDArray[np.bool_]
Predicted = tuple[Floats, Floats]
"""Beliefs (n, 2): of text, and of the class mean that was fitted on the same questions."""


def left_out(rows: Rows, fold: Ints, seed: int) -> Predicted:
    """Each fold predicted by what was trained on the others, without any question of the same text."""
    text, mean = np.zeros((len(fold), 2)), np.zeros((len(fold), 2))
    for out in np.unique(fold):
        mine = fold == out
        kept = ~np.isin(rows.data.group, rows.data.group[mine])
        train, steps = rows.data.subset(kept), rows.data.subset(mine).steps
        estimator, _ = cross_fit(train, rows.vectors[kept], seed=seed, settings=FitSettings.small())
        text[mine] = estimator.before(steps, rows.vectors[mine])
        mean[mine] = ClassMeans.fit(train.steps, train.counts)(steps)
    return text, mean


def within_sets(rows: Rows, fold: Ints, seed: int) -> Predicted:
    """The same with a set's own questions alone."""
    text, mean = np.zeros((len(fold), 2)), np.zeros((len(fold), 2))
    for kind in np.unique(rows.kinds):
        mine = rows.kinds == kind
        own = Rows(rows.data.subset(mine), rows.vectors[mine], rows.question[mine])
        text[mine], mean[mine] = left_out(own, fold[mine], seed)
    return text, mean


def panel_page(rows: Rows, seed: int) -> list[str]:
    """Own labels, labels of all sets, and labels of other sets only."""
    fold = assign_folds(rows.data.group, FOLDS, seed)
    tries = {
        "own labels": within_sets(rows, fold, seed),
        "all sets": left_out(rows, fold, seed),
        "other sets only": left_out(rows, rows.kinds, seed),
    }
    lines = [
        "### Labels of other sets as pre-training, with the model's identity as a feature",
        "",
        f"{len(np.unique(rows.question))} questions, at most {MODELS} models a panel, {len(rows.data)} pairs; the",
        "pair's outcome is predicted. Own labels: trained on the set's other folds. All sets: on the other folds of",
        "all sets together. Other sets only: the set is left out whole. In brackets the AUROC of the class mean, which",
        "knows set and model (of a set that was left out: the model), then the gain of text over it.",
        "",
        "| set | " + " | ".join(tries) + " | all sets over own labels |",
        "|---|" + "---|" * (len(tries) + 1),
    ]
    for kind in np.unique(rows.kinds):
        mine = rows.kinds == kind
        scored = _scored(rows, {name: text for name, (text, _) in tries.items()}, mine, seed)
        means = _scored(rows, {name: mean for name, (_, mean) in tries.items()}, mine, seed)
        cells = [
            f"{number(scored[name].scores.auroc)} ({number(means[name].scores.auroc)}), "
            + gain_cell(scored[name], means[name])
            for name in tries
        ]
        more = gain_cell(scored["all sets"], scored["own labels"])
        lines.append(f"| {list(SETS)[kind]} | {' | '.join(cells)} | {more} |")
    return [*lines, ""]


def encoder_page(labels: Sequence[Label], encoders: Encoders, seed: int) -> list[str]:
    """Own labels and left-out sets, by encoder."""
    by_name = {name: rows_of(labels, encoder) for name, encoder in encoders.items()}
    rows = next(iter(by_name.values()))
    by_name[NO_TEXT] = rows.without_vectors()
    fold = assign_folds(rows.data.group, FOLDS, seed)
    lines = [
        "### Encoders",
        "",
        "The same pairs. Gain in AUROC over the class mean: trained on own labels / on other sets only.",
        "",
        "| set | " + " | ".join(by_name) + " |",
        "|---|" + "---|" * len(by_name),
    ]
    said = {name: (within_sets(each, fold, seed), left_out(each, each.kinds, seed)) for name, each in by_name.items()}
    for kind in np.unique(rows.kinds):
        mine = rows.kinds == kind
        cells = []
        for own, other in said.values():
            pairs = [_scored(rows, {"text": text, "mean": mean}, mine, seed) for text, mean in (own, other)]
            cells.append(" / ".join(gain_cell(pair["text"], pair["mean"]) for pair in pairs))
        lines.append(f"| {list(SETS)[kind]} | {' | '.join(cells)} |")
    return [*lines, ""]


def draft_page(encoder: Encoder, seed: int) -> list[str]:
    """The question's vector against question and draft, on the only bank that holds texts of samples."""
    title = ["### Drafts of the answer", ""]
    try:
        path = find_bank(DRAFTS)
    except BankError as error:
        return [*title, f"Not measured: {error}", ""]
    drafts: dict[str, list[tuple[str, bool]]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for row in map(json.loads, file):
            drafts.setdefault(row["id"], []).append((row["text"], row["correct"]))
    texts = {each.id: each.question for each in load_bank(find_bank(DRAFTED)).questions}
    labels, pairs = [], []
    for name, samples in drafts.items():
        passed = sum(correct for _, correct in samples)
        for text, correct in samples[:DRAFTS_EACH]:
            labels.append(Label(f"{text} ", "math500", "r1-8b", name, passed - correct, len(samples) - 1))
            pairs.append((texts.get(name) or name, text))
    data = Questions.of(labels)
    place = {label.step: index for index, label in enumerate(labels)}
    order = [place[step] for step in data.steps]
    asked = encoder.encode([pairs[index][0] for index in order])
    answered = encoder.encode([pairs[index][1] for index in order])
    # The draft's counts (length, numbers) are part of its text; question alone must not see them.
    blank = replace(data, steps=tuple(replace(step, text="") for step in data.steps))
    question = np.unique(data.group, return_inverse=True)[1].astype(np.int64)
    fold = assign_folds(data.group, FOLDS, seed)
    tries = {
        "question's vector": left_out(Rows(blank, asked, question), fold, seed),
        "and the draft's vector": left_out(Rows(blank, np.hstack((asked, answered)), question), fold, seed),
        "and counts of the draft": left_out(Rows(data, np.hstack((asked, answered)), question), fold, seed),
    }
    rows, every = Rows(data, asked, question), np.ones(len(data), dtype=np.bool_)
    mean = _scored(rows, {"mean": tries["question's vector"][1]}, every, seed)["mean"]
    lines = [
        *title,
        f"{len(drafts)} questions of MATH-500 with {DRAFTS_EACH} drafts each (DeepSeek-R1-Distill-Llama-8B): the",
        "draft's first 256 word pieces, against the outcomes of the *other* samples. No other bank holds texts of",
        "samples.",
        "",
        "| seen | AUROC | over class mean |",
        "|---|---|---|",
    ]
    for name, each in _scored(rows, {name: text for name, (text, _) in tries.items()}, every, seed).items():
        lines.append(f"| {name} | {number(each.scores.auroc)} | {gain_cell(each, mean)} |")
    return [*lines, ""]


def tries_page(encoders: Encoders, *, most: int, seed: int) -> list[str]:
    """All of them; the first encoder is the default one."""
    labels = panel_labels(most, seed)
    first = next(iter(encoders.values()))
    return [
        "## What might make text worth more",
        "",
        *panel_page(rows_of(labels, first), seed),
        *encoder_page(labels, encoders, seed),
        *draft_page(first, seed),
    ]


def _scored(rows: Rows, said: Mapping[str, Floats], mine: Mask, seed: int) -> dict[str, Resampled]:
    """Scores on some pairs; questions are what is resampled."""
    present, index = np.unique(rows.question[mine], return_inverse=True)
    counts = replace(rows.data.counts[mine], question=index.astype(np.int64))
    return resampled({name: each[mine] for name, each in said.items()}, counts, len(present), seed=seed)


def _model(source: str | None) -> str:
    """Panels write `model` or `model|run`."""
    return (source or "").partition("|")[0]
