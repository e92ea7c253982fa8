"""Clients live and die with their event loops; nobody closes them by hand, and nothing is left open."""

import asyncio
import gc
import weakref

import pytest

from tts_agent import AdaptiveReasoner
from tts_agent.messages import user
from tts_agent.routing import Fixed
from tts_agent.samplers.openai import OpenAISampler
from tts_agent.samplers.openai.connection import Connection
from tts_agent.sampling import SampleRequest
from tts_agent.strategies import Single
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

QUESTION = SampleRequest((user("What is two plus two?"),), max_tokens=8)


def endpoint_that_says_four() -> Loopback:
    return Loopback(ScriptedSampler(lambda *_: "4"))


def test_one_sampler_serves_one_event_loop_after_the_other() -> None:
    with endpoint_that_says_four() as endpoint:
        sampler = OpenAISampler("scripted", base_url=endpoint.url)
        texts = [asyncio.run(sampler.sample(QUESTION, 1)).samples[0].text for _ in range(3)]
    assert texts == ["4"] * 3
    assert endpoint.connections == 3


def test_a_loop_keeps_its_connection() -> None:
    async def ask_twice() -> None:
        sampler = OpenAISampler("scripted", base_url=endpoint.url)
        await sampler.sample(QUESTION, 1)
        await sampler.sample(QUESTION, 1)

    with endpoint_that_says_four() as endpoint:
        asyncio.run(ask_twice())
    assert endpoint.connections == 1


def test_sync_and_async_callers_share_a_reasoner() -> None:
    with endpoint_that_says_four() as endpoint:
        sampler = OpenAISampler("scripted", base_url=endpoint.url)
        reasoner = AdaptiveReasoner(sampler, policy=Fixed(Single()))
        texts = [
            reasoner.run("2 + 2?").text,
            asyncio.run(reasoner.arun("2 + 2?")).text,
            reasoner.run("2 + 2?").text,
            asyncio.run(reasoner.arun("2 + 2?")).text,
        ]
    assert texts == ["4"] * 4
    assert endpoint.connections == 3  # the background loop has kept its own


def test_many_connections_are_closed_when_the_sampler_ends_together_with_the_loop() -> None:
    async def ask() -> None:
        await OpenAISampler("scripted", base_url=endpoint.url, use_n=False).sample(QUESTION, 8)

    with endpoint_that_says_four() as endpoint:
        asyncio.run(ask())
        gc.collect()  # a socket left open would be an error here
    assert endpoint.connections > 1


def test_closed_loops_are_forgotten() -> None:
    connection = Connection("http://localhost:1/v1", "any", 5.0)
    orderly, abrupt = asyncio.new_event_loop(), asyncio.new_event_loop()
    for loop in (orderly, abrupt):
        loop.run_until_complete(connection.client())
    orderly.run_until_complete(orderly.shutdown_asyncgens())
    orderly.close()
    abrupt.close()
    gone = weakref.ref(orderly), weakref.ref(abrupt)
    del loop, orderly, abrupt
    asyncio.run(connection.client())
    gc.collect()
    assert [loop() for loop in gone] == [None, None]


async def test_samplers_of_one_endpoint_share_its_connections() -> None:
    with endpoint_that_says_four() as endpoint:
        for _ in range(3):
            await OpenAISampler("scripted", base_url=endpoint.url).sample(QUESTION, 1)
    assert endpoint.connections == 1


async def test_samplers_with_different_keys_do_not_share_a_client() -> None:
    one, other = (Connection("http://localhost:1/v1", key, 5.0) for key in ("one", "other"))
    assert await one.client() is not await other.client()
    assert "other" not in repr(other)


def test_a_loop_that_ended_its_generators_and_goes_on_gets_a_new_client() -> None:
    connection = Connection("http://localhost:1/v1", "any", 5.0)
    with asyncio.Runner() as runner:
        first = runner.run(connection.client())
        runner.run(runner.get_loop().shutdown_asyncgens())
        assert first.is_closed()
        with pytest.warns(ResourceWarning, match="asynchronous generator"):
            assert not runner.run(connection.client()).is_closed()
