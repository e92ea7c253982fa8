"""Pacing without a model."""

from dataclasses import replace
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.dual_price import DualPrice
from tts_agent.routing.horizon import GivenHorizon

DUAL = DualPrice(10_000.0, horizon=GivenHorizon(10))


def test_its_share_is_what_is_left_less_the_reserve_over_the_steps_ahead() -> None:
    assert DUAL.share == pytest.approx(875.0)
    assert DUAL.after(875.0).share == pytest.approx(0.875 * 9_125.0 / 9)


@pytest.mark.parametrize("update", ["multiply", "add"])
@given(cheap=st.floats(0.0, 870.0), dear=st.floats(880.0, 9_000.0))
def test_a_step_below_its_share_lowers_the_price_and_one_above_raises_it(
    update: str, cheap: float, dear: float
) -> None:
    dual = DualPrice(10_000.0, update=update, horizon=GivenHorizon(10))  # type: ignore[arg-type]
    assert dual.after(cheap).price < dual.price < dual.after(dear).price


@given(costs=st.lists(st.floats(0.0, 5e4), max_size=20), update=st.sampled_from(["multiply", "add"]))
def test_it_stays_between_floor_and_ceiling(costs: list[float], update: str) -> None:
    dual = replace(DUAL, update=update, floor=1e-6, ceiling=1e-3)  # type: ignore[arg-type]
    for cost in costs:
        dual = dual.after(cost)
        assert dual.floor <= dual.price <= dual.ceiling
    assert dual.spent == pytest.approx(sum(costs))
    assert dual.done == len(costs)


def test_a_task_without_a_limit_gets_ever_cheaper() -> None:
    dual = replace(DUAL, budget=inf)
    assert dual.after(1e6).price < dual.price


def test_over_many_steps_it_finds_the_price_that_spends_the_budget() -> None:
    """Steps cost 1e-2 / price tokens, times noise: 500 a step at a price of 2e-5."""
    chance, steps = Random(5), 200
    dual = DualPrice(500.0 * steps / 0.875, 4e-4, horizon=GivenHorizon(steps), rate=0.3)
    for _ in range(steps):
        dual = dual.after(1e-2 / dual.price * chance.uniform(0.5, 1.5))
    assert dual.spent == pytest.approx(dual.budget, rel=0.15)


@pytest.mark.parametrize(
    "settings",
    [{"budget": -1.0}, {"rate": 0.0}, {"unit": 0.0}, {"reserve": 1.0}, {"price": 0.0}, {"price": 2.0}, {"done": -1}],
)
def test_senseless_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="must"):
        replace(DUAL, **settings)  # type: ignore[arg-type]
