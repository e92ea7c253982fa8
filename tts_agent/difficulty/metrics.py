"""How good predictions of pass@1 are. Every measure takes weights; None where it is undefined."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts_agent.difficulty.arrays import Floats, sigmoid
from tts_agent.difficulty.calibration import expected_calibration_error
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.questions import Counts


@dataclass(frozen=True, slots=True)
class Scores:
    """Measures of one predictor on held-out questions, each question counting the same."""

    nll: float
    """Beta-binomial, nats a question: lower is better."""
    brier: float
    """Mean squared error of the mean against single outcomes (0 or 1): lower is better."""
    ece: float
    """Expected calibration error, 10 bins: lower is better."""
    auroc: float | None
    """P(a passing sample was given a higher mean than a failing one), ties half; .5 is chance."""
    spearman: float | None
    """Rank correlation of the mean with the observed pass rate, -1..1."""

    @classmethod
    def of(cls, beliefs: Floats, counts: Counts) -> Scores:
        """Of predictions (n, 2)."""
        mean, share, weight = sigmoid(beliefs[:, 0]), counts.share, counts.weight
        return cls(
            nll=float((weight * nll(beliefs, counts)).sum() / weight.sum()),
            brier=float((weight * (share * (1.0 - mean) ** 2 + (1.0 - share) * mean**2)).sum() / weight.sum()),
            ece=expected_calibration_error(mean, share, weight),
            auroc=auroc(mean, weight * share, weight * (1.0 - share)),
            spearman=spearman(mean, share, weight),
        )


def auroc(score: Floats, positive: Floats, negative: Floats) -> float | None:
    """Weighted: entry i stands for `positive[i]` passes and `negative[i]` failures."""
    false, true = roc(score, positive, negative)
    return float(np.trapezoid(true, false)) if len(false) else None


def roc(score: Floats, positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """Shares of the negatives and of the positives above a falling threshold, from 0 to 1, a point a different score.

    Without any positive, or any negative, there is none.
    """
    if positive.sum() <= 0.0 or negative.sum() <= 0.0:
        return np.zeros(0), np.zeros(0)
    _, index = np.unique(-score, return_inverse=True)
    up, down = (np.concatenate(([0.0], np.cumsum(np.bincount(index, values)))) for values in (positive, negative))
    return down / down[-1], up / up[-1]


def spearman(x: Floats, y: Floats, weight: Floats) -> float | None:
    """Weighted correlation of weighted mid-ranks."""
    a, b = _ranks(x, weight), _ranks(y, weight)
    total = weight.sum()
    a, b = a - (weight * a).sum() / total, b - (weight * b).sum() / total
    spread = float(np.sqrt((weight * a * a).sum() * (weight * b * b).sum()))
    return float((weight * a * b).sum() / spread) if spread > 1e-9 * float(total) else None


def _ranks(x: Floats, weight: Floats) -> Floats:
    _, index = np.unique(x, return_inverse=True)
    mass = np.bincount(index, weight)
    ranks: Floats = (np.cumsum(mass) - mass / 2.0)[index]
    return ranks
