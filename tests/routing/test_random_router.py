"""Random mixing of strategies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.routing import RandomRouter
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single, Strategy

A, B, C = Single(), SelfConsistency(FixedSize(3)), SelfConsistency(FixedSize(9))


def chosen(router: RandomRouter, text: str) -> Strategy | None:
    return router.decide(Step((user(text),)), Budget().view()).strategy


@given(text=st.text(min_size=1).filter(str.strip), seed=st.integers())
def test_the_same_step_gets_the_same_strategy(text: str, seed: int) -> None:
    assert chosen(RandomRouter((A, B, C), seed=seed), text) is chosen(RandomRouter((A, B, C), seed=seed), text)


def test_another_seed_is_another_draw() -> None:
    draws = [[chosen(RandomRouter((A, B), seed=seed), f"question {i}") for i in range(50)] for seed in (0, 1)]
    assert draws[0] != draws[1]


def test_strategies_come_as_often_as_their_weights_say() -> None:
    router = RandomRouter((A, B, C), (0.2, 0.0, 0.6))
    draws = [chosen(router, f"question {i}") for i in range(2000)]
    assert draws.count(A) / 2000 == pytest.approx(0.25, abs=0.04)
    assert draws.count(B) == 0


def test_half_a_character_is_a_text_too() -> None:
    assert chosen(RandomRouter((A,)), "\ud83d") is A


@pytest.mark.parametrize(
    ("strategies", "weights", "problem"),
    [
        ((), (), "at least one strategy"),
        ((A, B), (1.0,), "2 strategies need as many weights"),
        ((A, B), (1.0, -1.0), "2 strategies need as many weights"),
        ((A, B), (0.0, 0.0), "one of the weights"),
    ],
)
def test_senseless_settings_are_refused(
    strategies: tuple[Strategy, ...], weights: tuple[float, ...], problem: str
) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        RandomRouter(strategies, weights)
