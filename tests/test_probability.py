"""The Beta distribution."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta, beta_cdf, log_beta

SHAPES = st.floats(0.05, 500.0)
PROBABILITIES = st.floats(0.0, 1.0)


@given(x=PROBABILITIES, a=SHAPES, b=SHAPES)
@settings(max_examples=200)
def test_the_distribution_function_is_scipys(x: float, a: float, b: float) -> None:
    scipy = pytest.importorskip("scipy.special")
    assert beta_cdf(x, a, b) == pytest.approx(float(scipy.betainc(a, b, x)), abs=1e-11)


@given(x=PROBABILITIES, a=st.floats(500.0, 5000.0), b=st.floats(0.01, 5000.0))
@settings(max_examples=50)
def test_it_is_exact_enough_for_large_counts(x: float, a: float, b: float) -> None:
    scipy = pytest.importorskip("scipy.special")
    assert beta_cdf(x, a, b) == pytest.approx(float(scipy.betainc(a, b, x)), abs=1e-10)


def test_known_values() -> None:
    assert beta_cdf(0.3, 1.0, 1.0) == pytest.approx(0.3)
    assert beta_cdf(0.5, 5.0, 1.0) == pytest.approx(0.5**5)
    assert beta_cdf(0.25, 0.5, 0.5) == pytest.approx(1.0 / 3.0)
    assert log_beta(3.0, 4.0) == pytest.approx(math.log(1 / 60))


@given(a=SHAPES, b=SHAPES)
@example(a=0.001654283945945545, b=0.0005431674538400541)
@example(a=31.278467842432153, b=0.0013809002225171846)
def test_it_answers_right_where_it_changes_sides(a: float, b: float) -> None:
    turn = (a + 1.0) / (a + b + 2.0)
    for x in (turn, math.nextafter(turn, 0.0), math.nextafter(turn, 1.0)):
        assert beta_cdf(x, a, b) == pytest.approx(beta_cdf(turn, a, b), abs=1e-9)


@given(a=SHAPES, b=SHAPES, x=PROBABILITIES, y=PROBABILITIES)
@settings(max_examples=50)
def test_it_rises_from_0_to_1(a: float, b: float, x: float, y: float) -> None:
    low, high = sorted((x, y))
    assert beta_cdf(0.0, a, b) == 0.0
    assert beta_cdf(1.0, a, b) == 1.0
    assert -1e-12 <= beta_cdf(low, a, b) <= beta_cdf(high, a, b) + 1e-11 <= 1.0 + 2e-11


@given(a=st.floats(0.2, 200.0), b=st.floats(0.2, 200.0), q=st.floats(0.02, 0.98))
@settings(max_examples=30)
def test_the_quantile_inverts_the_distribution_function(a: float, b: float, q: float) -> None:
    belief = Beta(a, b)
    x = belief.quantile(q)
    assert beta_cdf(x - 2e-9, a, b) <= q + 1e-9
    assert beta_cdf(x + 2e-9, a, b) >= q - 1e-9


def test_an_interval_holds_its_mass() -> None:
    low, high = Beta(3.0, 5.0).interval(0.9)
    assert beta_cdf(high, 3.0, 5.0) - beta_cdf(low, 3.0, 5.0) == pytest.approx(0.9, abs=1e-6)
    assert low < Beta(3.0, 5.0).mean < high


@given(mean=st.floats(0.01, 0.99), concentration=st.floats(0.1, 1000.0))
def test_a_belief_is_made_from_mean_and_concentration(mean: float, concentration: float) -> None:
    belief = Beta.of(mean, concentration)
    assert (belief.mean, belief.concentration) == pytest.approx((mean, concentration))


@pytest.mark.parametrize(("a", "b"), [(0.0, 1.0), (1.0, -1.0), (math.nan, 1.0), (1.0, math.inf)])
def test_what_is_no_distribution_is_refused(a: float, b: float) -> None:
    with pytest.raises(ConfigurationError, match="no distribution"):
        Beta(a, b)
