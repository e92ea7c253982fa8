"""Choosing settings on some questions and judging them on others."""

import numpy as np
import pytest

from benchmarks.held_out import Judged, cheapest, if_clear, judge, strongest, to_mixing
from tts_agent.evaluation.arm_ladder import Curve
from tts_agent.evaluation.bootstrap import Bootstrap, Floats

NUMBER, MARGIN = 400, 0.01
RNG = np.random.default_rng(0)
HARD = RNG.random(NUMBER) < 0.3
FIXED = Curve(
    np.stack([np.where(HARD, 0.2, 0.95), np.where(HARD, 0.9, 0.95)]),
    np.stack([np.full(NUMBER, 1.0), np.full(NUMBER, 5.0)]),
)
"""A cheap arm that fails on hard questions, and a dear one."""


def with_arms(correct: Floats, costs: Floats) -> Curve:
    """Settings together with the arms, as `contenders` has them."""
    return Curve(np.concatenate([FIXED.correct, correct]), np.concatenate([FIXED.costs, costs]))


KNOWING = with_arms(np.where(HARD, 0.9, 0.95)[None], np.where(HARD, 5.0, 1.0)[None])
"""Sends hard questions upwards, and no others."""
UP = RNG.random((40, NUMBER)) < 0.5
GUESSING = with_arms(np.where(UP, FIXED.correct[1], FIXED.correct[0]), np.where(UP, 5.0, 1.0))
"""Forty settings that send questions upwards by chance."""


def ratio(curve: Curve, *, clear: bool = False) -> tuple[float, float, float]:
    choose = (if_clear if clear else cheapest)(curve, FIXED, MARGIN)
    ours, mixing = (judge(each, NUMBER, 10) for each in (choose, cheapest(FIXED, FIXED, MARGIN)))
    return to_mixing(ours, mixing, FIXED, Bootstrap.of(NUMBER, replicates=200))


def test_to_know_which_questions_are_hard_is_cheaper_than_mixing() -> None:
    assert ratio(KNOWING)[2] < 0.6
    assert ratio(KNOWING, clear=True) == ratio(KNOWING)


def test_settings_that_look_good_by_chance_save_nothing_on_other_questions() -> None:
    everywhere = np.ones(NUMBER, dtype=bool)
    mixture = cheapest(GUESSING, FIXED, MARGIN)(everywhere)[1]
    hindsight = Judged(mixture @ GUESSING.correct, mixture @ GUESSING.costs)
    mixing = judge(cheapest(FIXED, FIXED, MARGIN), NUMBER, 10)
    looks = to_mixing(hindsight, mixing, FIXED, Bootstrap.of(NUMBER, replicates=50))[0]
    assert looks < min(1.0, ratio(GUESSING)[0])
    assert ratio(GUESSING)[0] == pytest.approx(1.0, abs=0.02)
    assert ratio(GUESSING, clear=True)[0] == pytest.approx(1.0, abs=0.02)


def test_mixing_against_itself_is_one() -> None:
    assert ratio(FIXED) == pytest.approx((1.0, 1.0, 1.0))


def test_the_strongest_arm_is_the_most_accurate_one_on_the_other_half() -> None:
    always = judge(strongest(FIXED), NUMBER, 5)
    assert always.correct == pytest.approx(FIXED.correct[1])
    assert always.costs == pytest.approx(FIXED.costs[1])
