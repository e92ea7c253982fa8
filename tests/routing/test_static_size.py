"""A fixed number of votes for the predicted pass@1."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.probability import Beta
from tts_agent.routing import CallPrice, ClassProfile, StaticSize
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single, Strategy

STEP = Step((user("?"),))


def size(strategy: Strategy | None) -> int:
    if isinstance(strategy, Single):
        return 1
    assert isinstance(strategy, SelfConsistency)
    assert isinstance(strategy.rule, FixedSize)
    return strategy.rule.n


def chosen(mean: float, price: float, theta: float = 0.01) -> int:
    policy = StaticSize(CallPrice(price, {}, 1.0), {"default": ClassProfile(theta)})
    step = replace(STEP, difficulty=Beta.of(mean, 10.0))
    return size(policy.decide(step, Budget().view()).strategy)


def test_most_is_spent_between_hopeless_and_easy() -> None:
    sizes = [chosen(mean, 0.01) for mean in (0.2, 0.65, 0.99)]
    assert sizes[0] == sizes[2] == 1
    assert sizes[1] > 3


def test_scattered_wrong_answers_make_hard_steps_worth_a_vote() -> None:
    assert chosen(0.3, 0.01, theta=0.01) == 1
    assert chosen(0.3, 0.01, theta=20.0) > 3


@given(mean=st.floats(0.05, 0.95), prices=st.tuples(st.floats(0.0, 0.2), st.floats(0.0, 0.2)), theta=st.floats(0.05, 9))
@settings(max_examples=40)
def test_a_higher_price_never_buys_more(mean: float, prices: tuple[float, float], theta: float) -> None:
    assert chosen(mean, max(prices), theta) <= chosen(mean, min(prices), theta) <= 16


def test_the_decision_reports_prices_and_values() -> None:
    decision = StaticSize().decide(replace(STEP, difficulty=Beta(2.0, 1.0)), Budget().view())
    assert decision.price == 2e-5
    assert decision.values["self_consistency"] > decision.values["single"]
    assert "0.67" in decision.reason


def test_a_step_nobody_estimated_has_the_rate_given() -> None:
    assert isinstance(StaticSize(unknown=1.0).decide(STEP, Budget().view()).strategy, Single)


@pytest.mark.parametrize(("unknown", "most"), [(1.1, 16), (-0.1, 16), (0.5, 0)])
def test_senseless_settings_are_refused(unknown: float, most: int) -> None:
    with pytest.raises(ConfigurationError, match="unknown must be between"):
        StaticSize(unknown=unknown, max_samples=most)
