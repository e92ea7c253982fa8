"""The bootstrap is paired, resamples questions, and its intervals cover."""

from __future__ import annotations

import numpy as np
import pytest

from tts_agent.evaluation.bootstrap import Bootstrap, interval


def test_everything_is_resampled_with_the_same_questions() -> None:
    values = np.random.default_rng(0).random((3, 50))
    boot = Bootstrap.of(50, replicates=200)
    means = boot.means(values)
    assert means.shape == (200, 3)
    assert boot.means(values[1]) == pytest.approx(means[:, 1])
    assert boot.means(values[0] - values[2]) == pytest.approx(means[:, 0] - means[:, 2])
    assert (Bootstrap.of(50, replicates=200).weights == boot.weights).all()
    assert boot.weights.sum(axis=1) == pytest.approx(1.0)


def test_its_spread_is_that_of_a_mean_over_questions() -> None:
    values = np.random.default_rng(1).normal(size=400)
    low, high = interval(Bootstrap.of(400, seed=3).means(values))
    half = 1.96 * values.std() / 20.0
    assert (high - low) / 2.0 == pytest.approx(half, rel=0.1)
    assert (high + low) / 2.0 == pytest.approx(values.mean(), abs=0.2 * half)


def test_infinite_replicates_are_large_and_nan_ones_are_left_out() -> None:
    column = np.array([1.0] * 50 + [np.inf] * 50)
    assert [float(end) for end in interval(column)] == [1.0, np.inf]
    assert [float(end) for end in interval(np.array([2.0, np.nan, 2.0]))] == [2.0, 2.0]
    low, high = interval(np.full(9, np.nan))
    assert np.isnan(low)
    assert np.isnan(high)
