"""Estimates from explored records: unbiased, and covered as stated, where averages are neither."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.exploration_estimates import Explored, Method, explored, gains
from tts_agent.learning.record_file import Record

RATE = 0.2
TRUE_GAIN = 0.10


def history(seed: int, count: int = 300) -> list[Explored]:
    """A policy that gives the hard steps to voting, which gains 0.10 on every step and yet looks worse."""
    random = np.random.default_rng(seed)
    steps = []
    for easy, coin in random.random((count, 2)):
        hard = easy < 0.5
        propensities = {"single": RATE / 2, "vote": RATE / 2}
        propensities["vote" if hard else "single"] += 1.0 - RATE
        arm = "vote" if coin < propensities["vote"] else "single"
        p = 0.1 + 0.7 * easy + (TRUE_GAIN if arm == "vote" else 0.0)
        steps.append(Explored(arm, propensities, float(random.random() < p), 0.1 + 0.7 * easy))
    return steps


def test_averages_call_the_better_arm_worse() -> None:
    differences = [
        np.mean([step.reward for step in steps if step.arm == "vote"])
        - np.mean([step.reward for step in steps if step.arm == "single"])
        for steps in map(history, range(50))
    ]
    assert float(np.mean(differences)) < -0.1


@pytest.mark.parametrize("method", ["inverse_propensity", "doubly_robust"])
def test_weighted_estimates_are_unbiased_and_their_intervals_cover(method: Method) -> None:
    found = [gains(history(seed), "single", method=method)[0] for seed in range(200)]
    errors = np.array([gain.gain - TRUE_GAIN for gain in found])
    assert abs(errors.mean()) < 3.5 * errors.std() / len(errors) ** 0.5
    covered = np.mean([gain.low <= TRUE_GAIN <= gain.high for gain in found])
    assert 0.90 <= covered <= 0.99  # 95 %, within three standard errors of 200 runs


def test_the_doubly_robust_interval_is_narrower() -> None:
    widths = {
        method: np.mean(
            [gain.high - gain.low for gain in (gains(history(s), "single", method=method)[0] for s in range(30))]
        )
        for method in ("inverse_propensity", "doubly_robust")
    }
    assert widths["doubly_robust"] < 0.85 * widths["inverse_propensity"]


def test_a_wrong_belief_costs_width_and_no_bias() -> None:
    found = [
        gains([replace(step, belief=1.0 - (step.belief or 0.0) ** 2) for step in history(seed)], "single")[0].gain
        for seed in range(150)
    ]
    assert abs(np.mean(found) - TRUE_GAIN) < 3.5 * np.std(found) / 150**0.5


def test_without_exploration_there_is_nothing_to_say() -> None:
    steps = [Explored("vote", {"vote": 1.0, "single": 0.0}, 1.0) for _ in range(9)]
    assert gains(steps, "vote") == []
    with pytest.raises(ConfigurationError, match="'single' was not possible in every step; what was: vote"):
        gains(steps, "single")
    with pytest.raises(ConfigurationError, match="two at the very least"):
        gains(steps[:1], "vote")


def test_records_of_the_class_with_outcome_and_propensities_count() -> None:
    record = Record(
        0.0,
        "sums",
        "",
        None,
        0,
        1,
        "vote",
        {"vote": 0.9, "single": 0.1},
        0.0,
        (3.0, 1.0),
        "done",
        0,
        None,
        None,
        50,
        (),
    )
    known = replace(record, correct=True)
    records = [record, known, replace(known, kind="plans"), replace(known, propensities={})]
    assert explored(records, "sums", price=0.001) == [Explored("vote", record.propensities, 0.95, 0.75)]
