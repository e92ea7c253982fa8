"""What an endpoint does ends up in the ledger: billed is charged, not billed is released, unknown is forfeited."""

import asyncio
import random
import time

import pytest

from tts_agent import AdaptiveReasoner, Budget
from tts_agent.driver import Driver
from tts_agent.effects import generate
from tts_agent.events import Retried
from tts_agent.exceptions import RequestRejected, SamplerError
from tts_agent.messages import user
from tts_agent.routing import Fixed
from tts_agent.samplers.openai import OpenAISampler
from tts_agent.sampling import SampleRequest
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

QUESTION = SampleRequest((user("one two three"),), max_tokens=20)
HONEST = 3 + 1
"""Tokens that the scripted model bills for QUESTION: a token is a word, and it answers in one."""


def endpoint_with(*faults: Fault | None) -> Loopback:
    return Loopback(ScriptedSampler(lambda *_: "four"), faults=faults)


def driver_at(endpoint: Loopback, budget: Budget) -> Driver:
    return Driver(OpenAISampler("scripted", base_url=endpoint.url, use_n=False), budget, min_tokens=1)


def most(driver: Driver) -> int:
    """Tokens that a call for QUESTION reserves."""
    return driver.sampler.token_bound(QUESTION) + QUESTION.max_tokens


def wait_for_requests(endpoint: Loopback, n: int) -> None:
    while len(endpoint.requests) < n:
        time.sleep(0.01)


async def test_what_was_billed_is_charged() -> None:
    with endpoint_with() as endpoint:
        driver = driver_at(endpoint, Budget(10_000))
        await driver.run(generate(QUESTION, 3))
    assert driver.budget.spent.tokens == 3 * HONEST


async def test_a_rate_limited_call_is_released_and_tried_again() -> None:
    with endpoint_with(Fault(status=429, retry_after="0.05")) as endpoint:
        driver = driver_at(endpoint, Budget(10_000))
        batch = await driver.run(generate(QUESTION, 1))
    assert len(batch.samples) == 1
    assert driver.budget.spent.tokens == HONEST
    assert [event.wait_seconds for event in driver.events if isinstance(event, Retried)] == [0.05]


async def test_a_rejected_call_is_released_and_not_tried_again() -> None:
    with endpoint_with(Fault(status=400)) as endpoint:
        driver = driver_at(endpoint, Budget(10_000))
        batch = await driver.run(generate(QUESTION, 1))
    assert isinstance(batch.failures[0], RequestRejected)
    assert (driver.budget.spent.tokens, len(endpoint.requests)) == (0, 1)


@pytest.mark.parametrize("fault", [Fault(status=500, retry_after="0"), Fault(drop=True)])
async def test_a_call_that_may_have_been_billed_is_forfeited_and_tried_again(fault: Fault) -> None:
    with endpoint_with(fault) as endpoint:
        driver = driver_at(endpoint, Budget(10_000))
        batch = await driver.run(generate(QUESTION, 1))
    assert len(batch.samples) == 1
    assert driver.budget.spent.tokens == most(driver) + HONEST


async def test_unknown_usage_is_charged_at_the_reservation() -> None:
    with endpoint_with(Fault(null_usage=True)) as endpoint:
        driver = driver_at(endpoint, Budget(10_000))
        await driver.run(generate(QUESTION, 3))
    assert driver.budget.spent.tokens == most(driver) + 2 * HONEST


async def test_of_concurrent_calls_each_failure_is_charged_as_it_deserves() -> None:
    with endpoint_with(None, Fault(status=500), Fault(status=429)) as endpoint:
        driver = driver_at(endpoint, Budget(10_000))
        batch = await driver.run(generate(QUESTION, 4))
    assert len(batch.samples) == 2
    assert driver.budget.spent.tokens == most(driver) + 2 * HONEST


async def test_a_cancelled_call_is_forfeited_and_nothing_stays_reserved() -> None:
    with endpoint_with(Fault(delay=30), Fault(delay=30)) as endpoint:
        driver = driver_at(endpoint, Budget(10_000))
        call = asyncio.create_task(driver.run(generate(QUESTION, 2)))
        await asyncio.to_thread(wait_for_requests, endpoint, 2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert driver.budget.held.tokens == 0
    assert driver.budget.spent.tokens == 2 * most(driver)


async def test_a_clipped_call_is_capped_at_the_endpoint() -> None:
    with endpoint_with() as endpoint:
        driver = driver_at(endpoint, Budget(10_000))
        driver.budget = Budget(most(driver) - 7)
        await driver.run(generate(QUESTION, 1))
    assert endpoint.requests[0]["max_tokens"] == QUESTION.max_tokens - 7


async def test_whatever_the_endpoint_does_no_budget_is_overspent() -> None:
    chance = random.Random(5)
    faults = [Fault(status=429, retry_after="0"), Fault(status=500, retry_after="0"), Fault(drop=True)]
    faults += [Fault(null_usage=True), Fault(body="<html>"), Fault()]
    with endpoint_with(*chance.choices(faults, k=200)) as endpoint:
        sampler = OpenAISampler("scripted", base_url=endpoint.url)
        budget = Budget(3000)
        reasoner = AdaptiveReasoner(sampler, policy=Fixed(SelfConsistency(FixedSize(3))), budget=budget)
        answers = await asyncio.gather(*(reasoner.arun("2 + 2?") for _ in range(8)), return_exceptions=True)
    unexpected = [a for a in answers if isinstance(a, BaseException) and not isinstance(a, SamplerError | RuntimeError)]
    assert not unexpected
    assert budget.spent.tokens <= 3000
    assert (budget.held.tokens, budget.overruns) == (0, 0)
