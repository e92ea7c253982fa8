"""Costs and accuracies between settings are those of the best mixture of two."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.evaluation.curves import TARGETS, accuracy_at, cheapest_mixture, cost_at, frontier, targets

SETTINGS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 50)), min_size=1, max_size=6).map(
    lambda rows: (np.array([row[0] / 20 for row in rows]), np.array([float(row[1]) for row in rows]))
)


def test_between_two_settings_a_coin_decides() -> None:
    accuracy, cost = [0.5, 0.7, 0.6], [10.0, 30.0, 100.0]
    assert cost_at(accuracy, cost, 0.6) == pytest.approx(20.0)
    assert accuracy_at(accuracy, cost, 20.0) == pytest.approx(0.6)
    assert cost_at(accuracy, cost, 0.4) == 10.0
    assert cost_at(accuracy, cost, 0.71) == np.inf
    assert accuracy_at(accuracy, cost, 9.0) == -np.inf
    assert accuracy_at(accuracy, cost, 1000.0) == 0.7


def test_rows_are_answered_each_for_itself() -> None:
    accuracy, cost = np.array([[0.5, 0.7], [0.2, 0.4]]), np.array([[10.0, 30.0], [1.0, 2.0]])
    assert cost_at(accuracy, cost, [0.6, 0.3]).tolist() == pytest.approx([20.0, 1.5])


@given(SETTINGS, st.integers(0, 100))
def test_the_least_cost_is_on_the_frontier_and_its_mixture_reaches_the_target(
    settings: tuple[np.ndarray, np.ndarray], percent: int
) -> None:
    accuracy, cost = settings
    target = percent / 100
    least = float(cost_at(accuracy, cost, target))
    corners, heights = frontier(accuracy, cost)
    assert (np.diff(corners) > 0).all()
    assert (np.diff(heights) > 0).all()
    if np.isinf(least):
        assert accuracy.max() < target
        return
    weights = cheapest_mixture(accuracy, cost, target)
    assert weights.sum() == pytest.approx(1.0)
    assert (weights >= -1e-12).all()
    assert weights @ cost == pytest.approx(least)
    assert weights @ accuracy >= target - 1e-9
    expected = corners[0] if target <= heights[0] else float(np.interp(target, heights, corners))
    assert least == pytest.approx(expected)
    assert accuracy_at(accuracy, cost, least) >= target - 1e-9


@given(SETTINGS, st.floats(0, 1), st.floats(0, 1))
def test_more_accuracy_never_costs_less(settings: tuple[np.ndarray, np.ndarray], one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert cost_at(*settings, low) <= cost_at(*settings, high)


def test_targets_are_shares_of_the_gain_and_nearly_full() -> None:
    assert len(TARGETS) == 5
    assert targets(0.6, 0.8).tolist() == pytest.approx([0.65, 0.7, 0.75, 0.78, 0.795])
