"""Allocation by predicted marginal gain."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.probability import Beta
from tts_agent.routing import CallPrice, PredictedGain, StaticSize
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, SelfConsistency, Single, Strategy
from tts_agent.verifiers import FunctionVerifier

STEP = Step((user("?"),), kind="code")
VERIFIER = FunctionVerifier(lambda step, sample: True)


def size(strategy: Strategy | None) -> int:
    if isinstance(strategy, Single):
        return 1
    assert isinstance(strategy, SelfConsistency | BestOfN)
    assert isinstance(strategy.rule, FixedSize)
    return strategy.rule.n


def chosen(belief: Beta, price: float, *, verified: bool) -> int:
    policy = PredictedGain(CallPrice(price, {}, 1.0), {"code": VERIFIER} if verified else {})
    return size(policy.decide(replace(STEP, difficulty=belief), Budget().view()).strategy)


@given(belief=st.builds(Beta, st.floats(0.2, 9), st.floats(0.2, 9)), price=st.floats(0.001, 0.3))
@settings(max_examples=40)
def test_with_a_verifier_the_last_sample_bought_is_worth_its_price_and_the_next_is_not(
    belief: Beta, price: float
) -> None:
    n = chosen(belief, price, verified=True)
    fails = [1.0]
    for k in range(n + 1):
        fails.append(fails[-1] * (belief.b + k) / (belief.a + belief.b + k))
    gains = [fails[k] - fails[k + 1] for k in range(n + 1)]
    assert n == 1 or gains[n - 1] >= price - 1e-9
    assert n == 16 or gains[n] <= price + 1e-9


@given(
    belief=st.builds(Beta, st.floats(0.2, 9), st.floats(0.2, 9)),
    prices=st.tuples(st.floats(0.0, 0.2), st.floats(0.0, 0.2)),
    verified=st.booleans(),
)
@settings(max_examples=40)
def test_a_higher_price_never_buys_more(belief: Beta, prices: tuple[float, float], verified: bool) -> None:
    dear, cheap = (chosen(belief, price, verified=verified) for price in (max(prices), min(prices)))
    assert 1 <= dear <= cheap <= 16


def test_an_even_split_is_worth_most_samples() -> None:
    assert chosen(Beta(500.0, 1.0), 0.005, verified=False) == 1
    assert chosen(Beta(12.0, 8.0), 0.005, verified=False) > 3


def test_a_belief_is_averaged_over_where_the_static_size_takes_its_mean() -> None:
    split = Beta(0.05, 0.05)  # either always right or always wrong: no vote can help
    policy = StaticSize(CallPrice(0.005, {}, 1.0))
    assert chosen(split, 0.005, verified=False) == 1
    assert size(policy.decide(replace(STEP, difficulty=split), Budget().view()).strategy) > 1


def test_a_step_nobody_estimated_gets_the_prior() -> None:
    policy = PredictedGain(CallPrice(0.001, {}, 1.0), {"code": VERIFIER}, prior=Beta(1.0, 3.0))
    decision = policy.decide(STEP, Budget().view())
    assert isinstance(decision.strategy, BestOfN)
    assert set(decision.values) == {"single", "best_of_n"}
    assert decision.price == 0.001


def test_at_least_one_sample_is_drawn() -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        PredictedGain(max_samples=0)
