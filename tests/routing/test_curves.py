"""What a class of steps costs and brings at a price."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.curves import Expected, TabulatedCurve

CURVE = TabulatedCurve((1e-5, 1e-3), (800.0, 100.0), (0.9, 0.5))


def test_between_its_points_it_is_linear_in_the_logarithm_and_beyond_them_flat() -> None:
    between = CURVE(1e-4)
    assert (between.cost, between.success) == pytest.approx((450.0, 0.7))
    assert CURVE(0.0) == CURVE(1e-6) == CURVE(1e-5) == Expected(800.0, 0.9)
    assert CURVE(1e-3) == CURVE(1.0) == Expected(100.0, 0.5)


def test_a_single_point_is_a_curve() -> None:
    assert TabulatedCurve((1e-4,), (300.0,), (0.8,))(5.0) == Expected(300.0, 0.8)


@given(
    st.lists(
        st.tuples(st.floats(1e-7, 1.0), st.floats(0.0, 1e4), st.floats(0.0, 1.0)),
        min_size=1,
        max_size=12,
        unique_by=lambda point: point[0],
    )
)
def test_noise_that_rises_with_the_price_is_pooled_away_and_totals_stay(
    points: list[tuple[float, float, float]],
) -> None:
    curve = TabulatedCurve.measured(points)
    assert all(first >= second for first, second in zip(curve.costs, curve.costs[1:], strict=False))
    assert sum(curve.costs) == pytest.approx(sum(cost for _, cost, _ in points), abs=1e-6)
    assert sum(curve.successes) == pytest.approx(sum(success for _, _, success in points), abs=1e-9)


@pytest.mark.parametrize(
    ("prices", "costs", "successes", "complaint"),
    [
        ((), (), (), "as many costs"),
        ((1e-4,), (1.0, 2.0), (0.5,), "as many costs"),
        ((1e-4, 1e-5), (2.0, 1.0), (0.5, 0.4), "rising"),
        ((0.0,), (1.0,), (0.5,), "rising"),
        ((1e-5, 1e-4), (1.0, 2.0), (0.5, 0.4), "costs of a curve"),
        ((1e-5, 1e-4), (2.0, 1.0), (0.4, 0.5), "successes of a curve"),
        ((1e-5,), (2.0,), (1.1,), "successes of a curve"),
    ],
)
def test_impossible_curves_are_refused(
    prices: tuple[float, ...], costs: tuple[float, ...], successes: tuple[float, ...], complaint: str
) -> None:
    with pytest.raises(ConfigurationError, match=complaint):
        TabulatedCurve(prices, costs, successes)
