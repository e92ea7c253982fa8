"""Scores of predictors with bootstrap intervals over questions: all predictors are resampled with the same ones.

AUROC and Spearman of cross-fitted predictions compare questions of one fold only. A fold that is easy by chance leaves
hard ones to train on, so even a constant that was fitted without a fold ranks folds upside down, and whatever is built
on it inherits that (Forman and Scholz, SIGKDD Explorations 2010; Airola et al., Comput. Stat. Data Anal. 2011).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty.arrays import Floats, Ints, sigmoid
from tts_agent.difficulty.calibration import expected_calibration_error
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.metrics import Scores, auroc, spearman
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
    weights = Bootstrap.of(questions, replicates=replicates, seed=seed).weights * questions
    draws = [counts.weight, *(counts.weight * row[counts.question] for row in weights)]
    folds = [np.ones(len(counts), dtype=np.bool_)] if fold is None else [fold == number for number in np.unique(fold)]
    found = {}
    for name, beliefs in predictions.items():
        loss = nll(beliefs, counts)
        scores, *others = (_scores(sigmoid(beliefs[:, 0]), loss, counts.share, draw, folds) for draw in draws)
        found[name] = Resampled(scores, np.stack([_values(each) for each in others]))
    return found


def _scores(
    mean: Floats, loss: Floats, share: Floats, weight: Floats, folds: Sequence[npt.NDArray[np.bool_]]
) -> Scores:
    """See `Scores.of`; ranks within folds, each with the weight of its pairs or questions. Equal predictions rank by 0."""
    up, down = weight * share, weight * (1.0 - share)
    ranked = [(auroc(mean[mine], up[mine], down[mine]), up[mine].sum() * down[mine].sum()) for mine in folds]
    related = [
        (spearman(mean[mine], share[mine], weight[mine]) if np.ptp(mean[mine]) else 0.0, weight[mine].sum())
        for mine in folds
        if weight[mine].any()
    ]
    return Scores(
        nll=float((weight * loss).sum() / weight.sum()),
        brier=float((weight * (share * (1.0 - mean) ** 2 + (1.0 - share) * mean**2)).sum() / weight.sum()),
        ece=expected_calibration_error(mean, share, weight),
        auroc=_averaged(ranked),
        spearman=_averaged(related),
    )


def _averaged(values: Sequence[tuple[float | None, float]]) -> float | None:
    """Of those that are defined."""
    known = [(value, weight) for value, weight in values if value is not None]
    if len(known) < 2:
        return known[0][0] if known else None
    return float(np.average([value for value, _ in known], weights=[weight for _, weight in known]))


def _values(scores: Scores) -> Floats:
    return np.array([np.nan if value is None else value for value in astuple(scores)], dtype=np.float64)


def _ends(replicates: Floats) -> Interval:
    low, high = interval(replicates)
    return float(low), float(high)
