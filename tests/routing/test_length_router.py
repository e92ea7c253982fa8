"""Routing by the length of the question."""

import pytest

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.routing import LengthRouter
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single, Strategy

SHORT, MEDIUM, LONG = Single(), SelfConsistency(FixedSize(3)), SelfConsistency(FixedSize(9))


@pytest.mark.parametrize(
    ("words", "chosen"), [(1, SHORT), (5, SHORT), (6, MEDIUM), (10, MEDIUM), (11, LONG), (99, LONG)]
)
def test_longer_questions_get_the_later_strategies(words: int, chosen: Strategy) -> None:
    router = LengthRouter((5, 10), (SHORT, MEDIUM, LONG))
    decision = router.decide(Step((user("word " * words),)), Budget().view())
    assert decision.strategy is chosen
    assert decision.reason == f"the question has {words} words"


def test_without_settings_long_questions_are_voted_on() -> None:
    assert isinstance(LengthRouter().decide(Step((user("short"),)), Budget().view()).strategy, Single)
    assert isinstance(LengthRouter().decide(Step((user("w " * 50),)), Budget().view()).strategy, SelfConsistency)


@pytest.mark.parametrize("bounds", [(10, 5), (0,), (5, 5)])
def test_bounds_must_rise(bounds: tuple[int, ...]) -> None:
    with pytest.raises(ConfigurationError, match="bounds must be positive and rise"):
        LengthRouter(bounds, (SHORT,) * (len(bounds) + 1))


def test_every_range_needs_a_strategy() -> None:
    with pytest.raises(ConfigurationError, match="2 bounds need 3 strategies, got 2"):
        LengthRouter((5, 10), (SHORT, LONG))
