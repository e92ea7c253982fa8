"""Scores of predictors with bootstrap intervals over questions: all predictors are resampled with the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields, replace

import numpy as np

from tts_agent.difficulty.arrays import Floats
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
    predictions: Mapping[str, Floats], counts: Counts, questions: int, *, replicates: int = 200, seed: int = 0
) -> dict[str, Resampled]:
    """Score beliefs about the same entries.

    Args:
        predictions: beliefs (n, 2) by predictor.
        counts: n outcomes; `Counts.question` numbers, below `questions`, are what is drawn with replacement.
        questions: how many there are.
        replicates: B.
        seed: of the draws.
    """
    weights = Bootstrap.of(questions, replicates=replicates, seed=seed).weights * questions
    draws = [replace(counts, weight=counts.weight * row[counts.question]) for row in weights]
    return {
        name: Resampled(Scores.of(each, counts), np.stack([_values(Scores.of(each, draw)) for draw in draws]))
        for name, each in predictions.items()
    }


def _values(scores: Scores) -> Floats:
    return np.array([np.nan if value is None else value for value in astuple(scores)], dtype=np.float64)


def _ends(replicates: Floats) -> Interval:
    low, high = interval(replicates)
    return float(low), float(high)
