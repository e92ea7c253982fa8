"""How many branches a fan-out is worth."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent import Budget, ConfigurationError
from tts_agent.routing.fan_out import fan_out

PLENTY = Budget(10**9).view()


def test_branches_are_started_as_long_as_the_next_brings_more_than_it_costs() -> None:
    worth = fan_out(8, tokens=4_000, success=0.5, budget=PLENTY, price=2e-5)  # 0.08 a branch
    assert worth.branches == 3  # they add 0.25, 0.125 and then 0.0625
    assert worth.gain == pytest.approx(0.375)
    assert worth.tokens == 8_000
    assert worth.reason == "3 branches add 0.375 to P(right), for tokens that are worth 0.160"


def test_what_a_single_agent_knows_as_well_is_not_fanned_out() -> None:
    worth = fan_out(4, tokens=4_000, success=(0.80, 0.84, 0.85, 0.85), budget=PLENTY, price=2e-5)
    assert worth.branches == 1
    assert worth.reason == "a second branch would add 0.040 to P(right), for tokens that are worth 0.080"


def test_no_more_are_started_than_fit_what_is_left() -> None:
    def started(tokens: int) -> int:
        return fan_out(8, tokens=4_000, success=0.3, budget=Budget(tokens).view(), price=0.0).branches

    assert [started(tokens) for tokens in (3_000, 4_000, 13_000, 10**6)] == [0, 1, 3, 8]


@given(price=st.floats(0.0, 1e-3), more=st.floats(0.0, 1e-3), rate=st.floats(0.0, 1.0), most=st.integers(1, 12))
def test_a_dearer_token_never_starts_more_branches(price: float, more: float, rate: float, most: int) -> None:
    cheap, dear = (fan_out(most, tokens=500.0, success=rate, budget=PLENTY, price=p) for p in (price, price + more))
    assert 1 <= dear.branches <= cheap.branches <= most
    assert dear.gain >= price * dear.tokens - 1e-9


@pytest.mark.parametrize(
    "wrong", [{"most": 0}, {"tokens": 0.0}, {"success": 1.5}, {"success": (0.5,)}, {"price": -1.0}, {"tokens": -inf}]
)
def test_what_is_out_of_range_is_one_sentence(wrong: dict[str, float]) -> None:
    arguments = {"most": 3, "tokens": 100.0, "success": 0.5, "price": 1e-5, **wrong}
    with pytest.raises(ConfigurationError):
        fan_out(int(arguments.pop("most")), budget=PLENTY, **arguments)
