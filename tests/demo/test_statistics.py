"""Intervals over questions."""

from __future__ import annotations

import pytest

from tts_agent.demo.statistics import mean_interval, paired_difference


def test_the_interval_holds_the_mean_and_narrows_with_more_questions() -> None:
    few, many = mean_interval([0.0, 1.0] * 20), mean_interval([0.0, 1.0] * 500)
    assert few[0] < 0.5 < few[1]
    assert many[0] < 0.5 < many[1]
    assert many[1] - many[0] < few[1] - few[0]


def test_pairing_removes_what_both_share() -> None:
    theirs = [0.0, 1.0] * 50
    ours = [*theirs[:-2], 1.0, 1.0]
    difference, (low, high) = paired_difference(ours, theirs)
    assert difference == pytest.approx(0.01)
    assert 0.0 <= low <= difference <= high <= 0.05


def test_pairs_must_match() -> None:
    with pytest.raises(ValueError, match="argument 2"):
        paired_difference([1.0], [1.0, 0.0])
