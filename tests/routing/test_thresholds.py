"""Routing by predicted pass@1 alone."""

from dataclasses import replace

import pytest

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.probability import Beta
from tts_agent.routing import Thresholds
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single

EASY, MEDIUM, HARD = Single(), SelfConsistency(FixedSize(3)), SelfConsistency(FixedSize(9))
POLICY = Thresholds(0.8, 0.4, EASY, MEDIUM, HARD)
STEP = Step((user("?"),))


@pytest.mark.parametrize(
    ("mean", "chosen"), [(0.95, EASY), (0.8, EASY), (0.79, MEDIUM), (0.4, MEDIUM), (0.39, HARD), (0.01, HARD)]
)
def test_the_harder_the_step_the_more_is_spent(mean: float, chosen: object) -> None:
    decision = POLICY.decide(replace(STEP, difficulty=Beta.of(mean, 100.0)), Budget().view())
    assert decision.strategy is chosen
    assert f"{mean:.2f}" in decision.reason


def test_a_step_nobody_estimated_gets_the_strategy_in_between() -> None:
    decision = POLICY.decide(STEP, Budget().view())
    assert decision.strategy is MEDIUM
    assert decision.reason == "no estimate of difficulty"


@pytest.mark.parametrize(("easy", "hard"), [(0.3, 0.4), (1.1, 0.4), (0.9, -0.1)])
def test_thresholds_must_be_in_order(easy: float, hard: float) -> None:
    with pytest.raises(ConfigurationError, match="0 <= hard_below <= easy_above <= 1"):
        Thresholds(easy, hard)
