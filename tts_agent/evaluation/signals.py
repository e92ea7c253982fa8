"""Beliefs about pass@1 of a bank's questions, before any call and after each possible first sample, cross-fitted.

Nothing said about a question was learned from it. A fold's view goes further: nothing in it was learned from the
fold, so what is fitted on the view's other questions (a price table) may be judged on the fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_agent.difficulty.arrays import Floats, Ints, sigmoid
from tts_agent.difficulty.class_means import ClassMeans
from tts_agent.difficulty.two_stage import FitSettings, TwoStage, cross_fit
from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.signals_data import BankData, bank_folds
from tts_agent.evaluation.signals_vectors import Vectors
from tts_agent.exceptions import ConfigurationError


@dataclass(frozen=True, eq=False)
class FoldView:
    """Beliefs about all b questions of a bank, made without the outcomes of one fold.

    About the fold's own questions the estimator speaks that was trained on all others; about those others, parts
    of it that were trained without them.
    """

    reference: Floats
    """(b, 2), the mean of the class: what is believed with no estimator at all."""
    before: Floats
    """(b, 2), stage one: text."""
    after: Floats
    """(b, s, 2), stage two: text and the signals of sample s as the first one. The same as `before` where that
    sample showed nothing, NaN where there is no such sample."""
    estimator: TwoStage
    """What was trained on the other folds."""


@dataclass(frozen=True, eq=False)
class BankBeliefs:
    """Beliefs about a bank. Beliefs are arrays (..., 2): logit of the mean, ln of the concentration (see `betas`)."""

    fold: Ints
    """(b,) fold numbers."""
    views: tuple[FoldView, ...]
    """One for each fold."""

    @property
    def reference(self) -> Floats:
        """(b, 2), held out."""
        return self._held_out([view.reference for view in self.views])

    @property
    def before(self) -> Floats:
        """(b, 2), stage one, held out."""
        return self._held_out([view.before for view in self.views])

    @property
    def after(self) -> Floats:
        """(b, s, 2), stage two, held out."""
        return self._held_out([view.after for view in self.views])

    def _held_out(self, views: Sequence[Floats]) -> Floats:
        return np.stack(views)[self.fold, np.arange(len(self.fold))]


def betas(beliefs: Floats) -> tuple[Floats, Floats]:
    """(..., 2) -> means (...) and concentrations (...) of Beta distributions; a = mean * concentration."""
    return sigmoid(beliefs[..., 0]), np.asarray(np.exp(beliefs[..., 1]), dtype=np.float64)


def bank_beliefs(
    bank: Bank,
    vectors: Vectors,
    *,
    fold: Ints | None = None,
    seed: int = 0,
    settings: FitSettings | None = None,
    shuffled: bool = False,
) -> BankBeliefs:
    """Cross-fit both stages on a bank's own questions.

    Args:
        bank: of b questions with two samples or more each.
        vectors: (b, e), see `question_vectors`.
        fold: (b,) fold numbers from 0, equal texts together; None is `bank_folds`.
        seed: of folds, shuffling and training.
        settings: of the estimator; None is `FitSettings.small()`.
        shuffled: train on outcomes of other questions: the control that must not help.

    Raises:
        ConfigurationError: too few questions, or arguments that do not fit the bank.
        MissingExtraError: torch is not installed.
    """
    whole = BankData.of(bank)
    size = len(bank.questions)
    fold = bank_folds(bank, seed=seed) if fold is None else fold
    if fold.shape != (size,) or vectors.shape[:1] != (size,):
        raise ConfigurationError(
            f"bank {bank.name} has {size} questions, fold the shape {fold.shape} and vectors {vectors.shape}"
        )
    settings = settings or FitSettings.small()
    views = [
        _view(bank, whole, vectors, fold != out, seed=seed, settings=settings, shuffled=shuffled)
        for out in range(int(fold.max()) + 1)
    ]
    return BankBeliefs(fold, tuple(views))


def _view(
    bank: Bank,
    whole: BankData,
    vectors: Vectors,
    kept: np.typing.NDArray[np.bool_],
    *,
    seed: int,
    settings: FitSettings,
    shuffled: bool,
) -> FoldView:
    data, vectors = whole.data, vectors[whole.first]
    training = kept[whole.first]
    subset = data.subset(training)
    if len(np.unique(subset.group)) < settings.folds:
        raise ConfigurationError(
            f"bank {bank.name}: {len(np.unique(subset.group))} different questions to train on, "
            f"and {settings.folds} are needed"
        )
    if shuffled:
        subset = subset.shuffled(np.random.default_rng(seed))
    estimator, unseen = cross_fit(subset, vectors[training], seed=seed, settings=settings)

    reference = ClassMeans.fit(subset.steps, subset.counts)(data.steps)
    before = np.zeros((len(data), 2))
    before[training] = unseen.before
    if not training.all():
        new = data.subset(~training)
        before[~training] = estimator.before(new.steps, vectors[~training])

    rows = before[data.rows.question]
    seen = training[data.rows.question]
    if unseen.after is not None:
        rows = rows.copy()
        rows[seen] = unseen.after
        if not seen.all():
            steps = [data.steps[index] for index in data.rows.question[~seen]]
            signals = [first for first, known in zip(data.signals, seen, strict=True) if not known]
            rows[~seen] = estimator.after(steps, rows[~seen], signals)

    counts = [len(question.samples) for question in bank.questions]
    after = np.full((len(counts), max(counts), 2), np.nan)
    for number, count in enumerate(counts):
        after[number, :count] = before[whole.question[number]]
    after[whole.row_question, whole.row_sample] = rows
    return FoldView(reference[whole.question], before[whole.question], after, estimator)
