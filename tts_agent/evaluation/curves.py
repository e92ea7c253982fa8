"""Frontiers: what a policy costs at a given accuracy, and how accurate it is at a given cost.

A policy is a sweep of its knob. Any mixture of two settings (a coin decides for each step) is a policy too, so costs
and accuracies between settings are interpolated linearly, on the best such mixture.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

SHARES_OF_GAIN = (0.25, 0.50, 0.75, 0.90)
"""Targets: shares of what full voting gains over a single sample."""

NEARLY_FULL = 0.005
"""The last target: full voting less this."""

TARGETS = ("25 %", "50 %", "75 %", "90 %", "full - .005")


def targets(single: ArrayLike, full: ArrayLike) -> Floats:
    """(..., 5) accuracies to reach, from the accuracies (...) of one sample and of full voting; see TARGETS."""
    low, high = np.asarray(single, dtype=np.float64), np.asarray(full, dtype=np.float64)
    shares = [low + share * (high - low) for share in SHARES_OF_GAIN]
    return np.stack([*shares, high - NEARLY_FULL], axis=-1)


def cost_at(accuracy: ArrayLike, cost: ArrayLike, target: ArrayLike) -> Floats:
    """The least cost of a mixture of settings that is at least as accurate as `target`; inf if none is.

    Args:
        accuracy, cost: (..., S) of each setting.
        target: (...), one per row.

    Returns: (...)
    """
    accuracy, cost = np.asarray(accuracy, dtype=np.float64), np.asarray(cost, dtype=np.float64)
    goal = np.asarray(target, dtype=np.float64)[..., None]
    reaches = accuracy >= goal
    plain = np.where(reaches, cost, np.inf).min(axis=-1)
    # Short settings i with those that reach it j: weight w of j makes the mixture just accurate enough.
    gap = accuracy[..., None, :] - accuracy[..., :, None]
    pairs = ~reaches[..., :, None] & reaches[..., None, :]
    weight = (goal - accuracy)[..., :, None] / np.where(pairs, gap, 1.0)
    mixed = cost[..., :, None] + weight * (cost[..., None, :] - cost[..., :, None])
    best: Floats = np.minimum(plain, np.where(pairs, mixed, np.inf).min(axis=(-2, -1)))
    return best


def accuracy_at(accuracy: ArrayLike, cost: ArrayLike, budget: ArrayLike) -> Floats:
    """The best accuracy of a mixture of settings that costs at most `budget`; -inf if none is that cheap.

    Shapes as in `cost_at`.
    """
    return -cost_at(-np.asarray(cost, dtype=np.float64), -np.asarray(accuracy, dtype=np.float64), -np.asarray(budget))


def cheapest_mixture(accuracy: Floats, cost: Floats, target: float) -> Floats:
    """(S) weights of the mixture behind `cost_at`; the most accurate setting where none reaches the target."""
    weights = np.zeros(len(accuracy))
    reaches = np.nonzero(accuracy >= target)[0]
    if not len(reaches):
        best = accuracy.max()
        weights[int(np.argmin(np.where(accuracy == best, cost, np.inf)))] = 1.0
        return weights
    best_cost, best_pair = np.inf, (0, 0, 1.0)
    for j in reaches.tolist():
        for i in range(len(accuracy)):
            w = 1.0 if accuracy[i] >= target else float((target - accuracy[i]) / (accuracy[j] - accuracy[i]))
            mixed = float(cost[i] + w * (cost[j] - cost[i]))
            if mixed < best_cost:
                best_cost, best_pair = mixed, (i, j, w)
    i, j, w = best_pair
    weights[i] += 1.0 - w
    weights[j] += w
    return weights


def frontier(accuracy: Floats, cost: Floats) -> tuple[Floats, Floats]:
    """The corners (cost, accuracy) of the upper envelope of settings (S), cheapest first."""
    order = np.lexsort((-accuracy, cost))
    corners: list[int] = []
    for index in order.tolist():
        if corners and accuracy[index] <= accuracy[corners[-1]]:
            continue
        while len(corners) >= 2 and _below(accuracy, cost, corners[-2], corners[-1], index):
            corners.pop()
        corners.append(index)
    return cost[corners], accuracy[corners]


def _below(accuracy: Floats, cost: Floats, first: int, middle: int, last: int) -> bool:
    """Whether the middle setting is no better than a mixture of the others."""
    run, rise = cost[last] - cost[first], accuracy[last] - accuracy[first]
    return bool((accuracy[middle] - accuracy[first]) * run <= rise * (cost[middle] - cost[first]))
