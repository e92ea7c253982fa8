"""Intervals over questions: the bootstrap, plain and paired."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RESAMPLES = 2000
Interval = tuple[float, float]


def mean_interval(values: Sequence[float], seed: int = 0) -> Interval:
    """95 % bootstrap interval of the mean over questions (2,000 resamples)."""
    data = np.asarray(values, dtype=float)
    picks = np.random.default_rng(seed).integers(0, len(data), (RESAMPLES, len(data)))
    low, high = np.quantile(data[picks].mean(axis=1), (0.025, 0.975))
    return float(low), float(high)


def paired_difference(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, Interval]:
    """Mean of ours - theirs, question by question, and its 95 % interval."""
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    return sum(differences) / len(differences), mean_interval(differences)
