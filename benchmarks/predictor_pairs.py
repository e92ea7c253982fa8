"""Labels of panels by set, as (question, model) pairs, and ways to predict them: for ``benchmarks.predictor_tries``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from benchmarks.predictor_banks import PANELS
from tts_agent.difficulty.arrays import Floats, Ints
from tts_agent.difficulty.class_means import ClassMeans
from tts_agent.difficulty.encoder import Encoder
from tts_agent.difficulty.labels import Label
from tts_agent.difficulty.questions import Questions
from tts_agent.difficulty.two_stage import FitSettings, cross_fit
from tts_agent.evaluation.banks import find_bank, load_bank
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
MODELS = 6
"""Of a panel, those that most panels have first."""

Mask = npt.NDArray[np.bool_]


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

    def subset(self, mine: Mask) -> Rows:
        """Some of the pairs."""
        return Rows(self.data.subset(mine), self.vectors[mine], self.question[mine])


@dataclass(frozen=True, eq=False)
class Predicted:
    """Beliefs (n, 2) about pairs: of text, and of the class mean that was fitted on the same questions; and the fold
    (n,) in which each was held out."""

    text: Floats
    mean: Floats
    fold: Ints


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
    return Predicted(text, mean, fold)


def within_sets(rows: Rows, fold: Ints, seed: int) -> Predicted:
    """The same with a set's own questions alone."""
    text, mean = np.zeros((len(fold), 2)), np.zeros((len(fold), 2))
    for kind in np.unique(rows.kinds):
        mine = rows.kinds == kind
        own = left_out(rows.subset(mine), fold[mine], seed)
        text[mine], mean[mine] = own.text, own.mean
    return Predicted(text, mean, fold)


def transferred(rows: Rows, others: Predicted, fold: Ints, seed: int) -> Predicted:
    """Own labels once more, with the correction of the class mean that other sets taught instead of the vector."""
    taught = (others.text[:, :1] - others.mean[:, :1]).astype(np.float32)
    return within_sets(replace(rows, vectors=taught), fold, seed)


def _model(source: str | None) -> str:
    """Panels write `model` or `model|run`."""
    return (source or "").partition("|")[0]
