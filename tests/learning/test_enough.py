"""How many samples a question gets."""

from __future__ import annotations

from random import Random
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.enough import MASS, Enough
from tts_agent.probability import Beta
from tts_agent.stopping.beta_fit import fit_passes

OUTCOMES = st.lists(st.booleans(), max_size=64)


@given(OUTCOMES)
def test_the_target_never_leaves_its_range(passed: list[bool]) -> None:
    assert 8 <= Enough(8, 40, 0.3).target(passed) <= 40


@given(st.lists(st.booleans(), min_size=64, max_size=64))
def test_it_stops_at_the_high_end_or_where_the_interval_is_narrow(passed: list[bool]) -> None:
    enough = Enough(4, 64, 0.25)
    n = enough.target(passed)
    low, high = Beta(sum(passed[:n]) + 0.5, n - sum(passed[:n]) + 0.5).interval(MASS)
    assert n == 64 or high - low <= 0.25


@given(st.lists(st.booleans(), min_size=64, max_size=64), st.integers(1, 9))
def test_the_same_samples_end_at_the_same_number_however_they_were_drawn(all_of: list[bool], batch: int) -> None:
    enough, have = Enough(4, 64, 0.3), 0
    while (target := enough.target(all_of[:have])) > have:
        have = min(target, have + batch)
    assert have == enough.target(all_of)


def test_questions_whose_samples_agree_stop_first() -> None:
    enough = Enough(8, 64, 0.25)
    assert enough.target([True] * 64) == 8
    assert enough.target([True, False] * 32) > 30


@pytest.mark.parametrize(("low", "high", "width"), [(0, 4, 0.2), (8, 4, 0.2), (4, 8, 0.0), (4, 8, 1.5)])
def test_a_range_or_width_that_means_nothing_is_refused(low: int, high: int, width: float) -> None:
    with pytest.raises(ConfigurationError):
        Enough(low, high, width)


def test_shares_lean_to_the_ends_and_the_beta_that_is_fitted_to_the_counts_does_not() -> None:
    random, counts = Random(0), []
    for _ in range(4000):
        p = random.betavariate(1.0, 3.0)
        passed = [random.random() < p for _ in range(64)]
        of = Enough().target(passed)
        counts.append((sum(passed[:of]), of))
    assert fmean(passed / of for passed, of in counts) < 0.25 - 0.015
    assert abs(fit_passes(counts).mean - 0.25) < 0.01
