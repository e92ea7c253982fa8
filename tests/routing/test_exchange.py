"""What a call of one model buys in calls of another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.budget import Tariff
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.exchange import CallCost, matched_inference, report
from tts_agent.sampling import Usage

SMALL = CallCost("8b", 8e9, Tariff(0.1, 0.2), Usage(1000, 1000))
LARGE = CallCost("70b", 70e9, Tariff(1.0, 3.0), Usage(1000, 500, cached_input_tokens=200))


def test_flops_are_two_a_parameter_and_token_and_dollars_follow_the_tariff() -> None:
    assert SMALL.flops == 2.0 * 8e9 * 2000
    assert LARGE.flops == 2.0 * 70e9 * 1300, "what comes from the cache is not computed again"
    assert SMALL.dollars == pytest.approx(0.0003)
    assert LARGE.dollars == pytest.approx(0.0025)


def test_the_report_shows_both_currencies_and_that_they_differ() -> None:
    rows = report([SMALL, LARGE]).splitlines()[2:]
    assert rows == [
        "| 8b | 2,000 | 32.0 | 0.300 | 5.7 | 8.3 |",
        "| 70b | 1,500 | 182.0 | 2.500 | 1.0 | 1.0 |",
    ]
    assert "any number" in report([CallCost("own", 1e9, Tariff(0.0, 0.0), Usage(1, 1)), LARGE])


@given(st.floats(1.0, 100.0), st.floats(0.0, 1e13), st.floats(1e6, 1e13))
def test_matched_inference_spends_exactly_the_flops_of_the_larger_model(
    size: float, trained_on: float, served: float
) -> None:
    factor = matched_inference(size, trained_on, served)
    small = 6.0 * trained_on + 2.0 * factor * served
    assert small == pytest.approx(size * (6.0 * trained_on + 2.0 * served))


def test_impossible_calls_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="above 0"):
        CallCost("none", 0.0, Tariff(1.0, 1.0), Usage(1, 1))
    with pytest.raises(ConfigurationError, match="at least as large"):
        matched_inference(0.5, 1.0, 1.0)
