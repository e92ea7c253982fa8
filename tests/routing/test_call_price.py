"""The price of one more sample."""

from dataclasses import replace

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.routing import CallPrice
from tts_agent.sampling import Sample, Usage
from tts_agent.step import Step

STEP = Step((user("?"),), kind="plan")
PRICE = CallPrice(1e-3, {"plan": 100.0}, 500.0)


def test_a_class_that_was_measured_has_its_own_price() -> None:
    assert PRICE.of(STEP) == pytest.approx(0.1)
    assert PRICE.of(replace(STEP, kind="other")) == pytest.approx(0.5)


def test_a_first_sample_tells_exactly() -> None:
    assert PRICE.of(STEP.with_drawn((Sample("4", usage=Usage(10, 20)),))) == pytest.approx(0.03)
    assert PRICE.of(STEP.with_drawn((Sample("4"),))) == pytest.approx(0.1)


@pytest.mark.parametrize("price", [(-1.0, {}, 1.0), (1.0, {"plan": -1.0}, 1.0), (1.0, {}, -1.0)])
def test_prices_are_not_negative(price: tuple[float, dict[str, float], float]) -> None:
    with pytest.raises(ConfigurationError, match="prices and tokens must be"):
        CallPrice(*price)
