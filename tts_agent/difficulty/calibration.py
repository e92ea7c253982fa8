"""Calibration of predicted means, and how far off they are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts_agent.difficulty.arrays import Floats, clip_beliefs
from tts_agent.difficulty.logistic import fit_logistic
from tts_agent.difficulty.questions import Counts


@dataclass(frozen=True, slots=True)
class Platt:
    """logit <- slope * logit + intercept with slope > 0, so the order of predictions never changes.

    Source: Platt 1999, with a pull towards the identity that few questions do not overcome.
    """

    slope: float = 1.0
    intercept: float = 0.0

    @classmethod
    def fit(cls, beliefs: Floats, counts: Counts, ridge: float = 10.0) -> Platt:
        """From predictions (n, 2) that were made without their own questions. `ridge` counts in questions."""
        change, intercept = fit_logistic(beliefs[:, :1], counts.share, counts.weight, offset=beliefs[:, 0], ridge=ridge)
        return cls(float(np.clip(1.0 + change, 0.1, 4.0)), float(np.clip(intercept, -3.0, 3.0)))

    def __call__(self, beliefs: Floats) -> Floats:
        """(n, 2) -> (n, 2)."""
        logits = self.slope * beliefs[:, 0] + self.intercept
        return clip_beliefs(np.stack((logits, beliefs[:, 1]), axis=1))


def expected_calibration_error(mean: Floats, share: Floats, weight: Floats, bins: int = 10) -> float:
    """Weighted mean over bins of equal width of |mean prediction - observed share|, 0..1.

    It never reaches 0 on few questions: 500 of them leave about .02 by chance alone.
    """
    index = np.clip((mean * bins).astype(np.int64), 0, bins - 1)
    gap = np.bincount(index, weight * (mean - share), bins)
    return float(np.abs(gap).sum() / weight.sum())
