"""Scores of predictors with bootstrap intervals over questions: all predictors are resampled with the same ones.

AUROC and Spearman of cross-fitted predictions compare questions of one fold only. A fold that is easy by chance leaves
hard ones to train on, so even a constant that was fitted without a fold ranks folds upside down, and whatever is built
on it inherits that (Forman and Scholz, SIGKDD Explorations 2010; Airola et al., Comput. Stat. Data Anal. 2011).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from math import isnan

import numpy as np

from tts_agent.difficulty.arrays import Floats, Ints, sigmoid
from tts_agent.difficulty.calibration import expected_calibration_error
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.metrics import Scores
from tts_agent.difficulty.questions import Counts
from tts_agent.evaluation.bootstrap import Bootstrap, interval

MEASURES = tuple(each.name for each in fields(Scores))

Interval = tuple[float, float]
"""95 %, nan where the measure is undefined in every resample."""


@dataclass(frozen=True)
class Resampled:
    """One predictor's scores, and its bootstrap replicates."""

    scores: Scores
    replicates: Floats
    """(B, 5) in the order of `MEASURES`, nan where a measure is undefined."""

    def within(self, measure: str) -> Interval:
        """The interval of a measure."""
        return _ends(self.replicates[:, MEASURES.index(measure)])

    def gain(self, other: Resampled, measure: str) -> tuple[float, Interval]:
        """This predictor's measure less another one's, paired over questions; nan where either is undefined."""
        at = MEASURES.index(measure)
        mine, theirs = _values(self.scores)[at], _values(other.scores)[at]
        return float(mine - theirs), _ends(self.replicates[:, at] - other.replicates[:, at])


def resampled(
    predictions: Mapping[str, Floats],
    counts: Counts,
    questions: int,
    *,
    fold: Ints | None = None,
    replicates: int = 200,
    seed: int = 0,
) -> dict[str, Resampled]:
    """Score beliefs about the same entries.

    Args:
        predictions: beliefs (n, 2) by predictor.
        counts: n outcomes; `Counts.question` numbers, below `questions`, are what is drawn with replacement.
        questions: how many there are.
        fold: (n,) in which fold an entry was held out; None is one fold.
        replicates: B.
        seed: of the draws.
    """
    draws = Bootstrap.of(questions, replicates=replicates, seed=seed).weights * questions
    weight = counts.weight * np.vstack((np.ones(len(counts)), draws[:, counts.question]))
    fold = np.zeros(len(counts), dtype=np.int64) if fold is None else np.unique(fold, return_inverse=True)[1]
    found = {}
    for name, beliefs in predictions.items():
        mean, loss, share = sigmoid(beliefs[:, 0]), nll(beliefs, counts), counts.share
        brier = share * (1.0 - mean) ** 2 + (1.0 - share) * mean**2
        values = np.stack(
            (
                weight @ loss / weight.sum(axis=1),
                weight @ brier / weight.sum(axis=1),
                [expected_calibration_error(mean, share, row) for row in weight],
                _auroc(mean, share, weight, fold),
                _spearman(mean, share, weight, fold),
            ),
            axis=1,
        )
        loss_mean, squared, error, ranked, related = map(float, values[0])
        scores = Scores(loss_mean, squared, error, _known(ranked), _known(related))
        found[name] = Resampled(scores, values[1:])
    return found


def _auroc(mean: Floats, share: Floats, weight: Floats, fold: Ints) -> Floats:
    """(R,) of pairs of a fold, for weights (R, n); nan where there is no pair."""
    up, down = weight * share, weight * (1.0 - share)
    folds = np.eye(fold.max() + 1)[fold]
    pairs = ((up @ folds) * (down @ folds)).sum(axis=1)
    won = (up * _ranks(mean, down, fold)).sum(axis=1)
    return np.where(pairs > 0.0, won / np.where(pairs > 0.0, pairs, 1.0), np.nan)


def _spearman(mean: Floats, share: Floats, weight: Floats, fold: Ints) -> Floats:
    """(R,) the mean over folds, by weight: 0 in one where all predictions are equal, left out where outcomes are."""
    folds = np.eye(fold.max() + 1)[fold]
    size = np.maximum(weight @ folds, 1e-12)
    one, other = (
        ranks - ((weight * ranks) @ folds / size)[:, fold]
        for ranks in (_ranks(mean, weight, fold), _ranks(share, weight, fold))
    )
    both, first, second = ((weight * each) @ folds for each in (one * other, one**2, other**2))
    least = 1e-12 * size**3
    known, varies = second > least, first > least
    related = np.where(known & varies, both / np.sqrt(np.where(known & varies, first * second, 1.0)), 0.0)
    counted = (size * known).sum(axis=1)
    return np.where(counted > 0.0, (size * known * related).sum(axis=1) / np.maximum(counted, 1e-12), np.nan)


def _ranks(values: Floats, weight: Floats, fold: Ints) -> Floats:
    """(R, n) weight of the entries of the same fold that are lower, and half of that of equal ones; weights (R, n)."""
    order = np.lexsort((values, fold))
    values, sorted_fold = values[order], fold[order]
    first = np.flatnonzero(np.concatenate(([True], (np.diff(values) != 0.0) | (np.diff(sorted_fold) != 0))))
    group = np.searchsorted(first, np.arange(len(values)), side="right") - 1
    start, end = first[group], np.append(first[1:], len(values))[group]
    below = np.concatenate((np.zeros((len(weight), 1)), np.cumsum(weight[:, order], axis=1)), axis=1)
    ranks = np.empty_like(weight)
    ranks[:, order] = (below[:, start] + below[:, end]) / 2.0 - below[:, np.searchsorted(sorted_fold, sorted_fold)]
    return ranks


def _known(value: float) -> float | None:
    return None if isnan(value) else value


def _values(scores: Scores) -> Floats:
    return np.array([np.nan if value is None else value for value in astuple(scores)], dtype=np.float64)


def _ends(replicates: Floats) -> Interval:
    low, high = interval(replicates)
    return float(low), float(high)
