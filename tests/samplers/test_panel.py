"""Several models behind one door."""

import asyncio

import pytest

from tts_agent.budget import Amount, Budget, Tariff
from tts_agent.driver import Driver
from tts_agent.effects import generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.samplers.panel import PanelSampler
from tts_agent.sampling import SampleRequest
from tts_agent.testing.scripted import ScriptedSampler

SMALL = ScriptedSampler(lambda request, index: "small", name="small-1b")
LARGE = ScriptedSampler(lambda request, index: "large", name="large-70b")
PANEL = PanelSampler({"small": SMALL, "large": LARGE})


def request(**options: object) -> SampleRequest:
    return SampleRequest((user("Who are you?"),), max_tokens=5, options=options)


def test_a_request_goes_to_the_model_that_it_names_and_else_to_the_default() -> None:
    async def texts(panel: PanelSampler) -> list[str]:
        wanted = (request(), request(model="small"), request(model="large", effort="high"))
        return [(await panel.sample(each, 1)).samples[0].text for each in wanted]

    assert asyncio.run(texts(PANEL)) == ["small", "small", "large"]
    assert LARGE.calls[-1].request.options == {"effort": "high"}, "the name is the panel's own"
    assert asyncio.run(texts(PanelSampler({"small": SMALL, "large": LARGE}, "large")))[0] == "large"


def test_it_has_the_name_of_the_default_and_the_bound_of_whom_it_asks() -> None:
    assert PANEL.name == "small-1b"
    assert PANEL.token_bound(request(model="large")) == 3


def test_a_call_is_priced_by_the_model_that_answers_it() -> None:
    tariffs = {"small-1b": Tariff(1.0, 1.0), "large-70b": Tariff(100.0, 100.0)}
    for name, dollars in (("small", 4e-6), ("large", 4e-4)):
        budget = Budget(money=1.0, tariffs=tariffs)
        asyncio.run(Driver(PANEL, budget).run(generate(request(model=name), 1)))
        assert float(budget.spent.dollars) == pytest.approx(dollars)


def test_a_model_that_is_not_there_is_a_mistake_and_costs_nothing() -> None:
    budget = Budget()
    with pytest.raises(ConfigurationError, match="no model 'huge' on this panel; there are small, large"):
        asyncio.run(Driver(PANEL, budget).run(generate(request(model="huge"), 1)))
    assert budget.spent == Amount()
    with pytest.raises(ConfigurationError, match="no model 'huge'"):
        PanelSampler({"small": SMALL}, "huge")
    with pytest.raises(ConfigurationError, match="at least one"):
        PanelSampler({})
