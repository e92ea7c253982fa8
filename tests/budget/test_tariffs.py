"""Prices, and sums of them in integers."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.budget import LIST_PRICES, Tariff
from tts_agent.budget.tariffs import find, nanos
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Usage


@given(
    price=st.decimals(0, 1000, places=4).map(float),
    cached=st.decimals(0, 1000, places=4).map(float),
    inputs=st.integers(0, 10**6),
    part=st.integers(0, 10**6),
    outputs=st.integers(0, 10**6),
)
def test_a_sum_of_prices_is_exact_but_for_rounding_up_to_a_nano_dollar(
    price: float, cached: float, inputs: int, part: int, outputs: int
) -> None:
    usage = Usage(inputs, outputs, min(part, inputs))
    exact = (
        (inputs - usage.cached_input_tokens) * Fraction(str(price))
        + usage.cached_input_tokens * Fraction(str(cached))
        + outputs * Fraction("2.5")
    ) * 1000
    assert nanos(Tariff(price, 2.5, cached).cost(usage)) == math.ceil(exact)


def test_cached_tokens_cost_as_much_as_others_unless_a_price_says_otherwise() -> None:
    usage = Usage(100, 0, cached_input_tokens=60)
    assert nanos(Tariff(1.0, 1.0).cost(usage)) == 100_000
    assert nanos(Tariff(1.0, 1.0, 0.1).cost(usage)) == 46_000
    assert nanos(Tariff(1.0, 1.0, 0.0).cost(usage)) == 40_000


def test_a_report_of_more_cached_tokens_than_there_were_saves_no_more_than_there_were() -> None:
    assert Tariff(1.0, 1.0, 0.0).cost(Usage(5, 0, cached_input_tokens=50)) == 0


def test_a_snapshot_costs_what_its_model_costs_and_nothing_else_is_taken_for_it() -> None:
    own = {"gpt-5": Tariff(1.0, 1.0), "gpt-5-2026-01-01": Tariff(9.0, 9.0)}
    assert find("gpt-5", own) is find("gpt-5-2025-08-07", own) is find("gpt-5-20250807", own)
    assert find("gpt-5-latest", own) == own["gpt-5"]
    assert find("gpt-5-2026-01-01", own) == own["gpt-5-2026-01-01"]
    for other in ("gpt-5-pro", "gpt-5.1", "gpt", "my-gpt-5", "gpt-5-", ""):
        assert find(other, own) is None


@pytest.mark.parametrize("price", [-0.1, math.inf, math.nan])
def test_a_price_is_a_number_from_nought_up(price: float) -> None:
    for prices in ((price, 1.0, None), (1.0, price, None), (1.0, 1.0, price)):
        with pytest.raises(ConfigurationError, match="dollars per million tokens: give a number from 0 up"):
            Tariff(*prices)


def test_list_prices_are_plausible() -> None:
    for tariff in LIST_PRICES.values():
        assert tariff.cached_input is not None
        assert 0.0 < tariff.cached_input < tariff.input < tariff.output
