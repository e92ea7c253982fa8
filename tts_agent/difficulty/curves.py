"""What the scores on a card cannot show: where predictions lie, how often they come true, and how well they rank."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_agent.difficulty.arrays import Floats, sigmoid
from tts_agent.difficulty.metrics import roc
from tts_agent.difficulty.questions import Counts

BINS = 10
"""Of equal width, as in the expected calibration error."""
MOST_POINTS = 50
"""Of a ROC curve that is kept."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions that are about equal."""

    questions: float
    """How many; not whole where some of a question's first samples fall into another bin."""
    predicted: float
    """Mean prediction."""
    observed: float
    """Pass rate."""


@dataclass(frozen=True, slots=True)
class Curves:
    """One predictor on held-out questions, each question counting the same."""

    bins: tuple[Bin, ...]
    """Reliability, and by their sizes sharpness. By rising prediction; bins without a question are left out."""
    ranking: tuple[tuple[float, float], ...]
    """ROC: the shares of failing and of passing samples that are predicted above a threshold, by falling threshold,
    from (0, 0) to (1, 1). Empty where nothing passed or nothing failed."""

    @classmethod
    def of(cls, beliefs: Floats, counts: Counts) -> Curves:
        """Of predictions (n, 2)."""
        mean, share, weight = sigmoid(beliefs[:, 0]), counts.share, counts.weight
        index = np.clip((mean * BINS).astype(np.int64), 0, BINS - 1)
        size, predicted, observed = (
            np.bincount(index, values, BINS) for values in (weight, weight * mean, weight * share)
        )
        false, true = roc(mean, weight * share, weight * (1.0 - share))
        kept = np.unique(np.linspace(0, len(false) - 1, min(len(false), MOST_POINTS)).astype(np.int64))
        return cls(
            tuple(
                Bin(float(size[at]), float(predicted[at] / size[at]), float(observed[at] / size[at]))
                for at in np.flatnonzero(size)
            ),
            tuple((float(false[at]), float(true[at])) for at in kept),
        )

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Curves:
        """From its fields as JSON values; KeyError or TypeError when something is missing."""
        return cls(
            tuple(Bin(**each) for each in values["bins"]),
            tuple((float(false), float(true)) for false, true in values["ranking"]),
        )
