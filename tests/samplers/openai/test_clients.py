"""Clients live and die with their event loops; nobody closes them by hand, and nothing is left open."""

import asyncio
import gc
import time
import weakref

from tts_agent import AdaptiveReasoner
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.routing import Fixed
from tts_agent.samplers.openai import OpenAISampler
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
    async def ask() -> weakref.ref[asyncio.AbstractEventLoop]:
        await sampler.sample(QUESTION, 1)
        return weakref.ref(asyncio.get_running_loop())

    with endpoint_that_says_four() as endpoint:
        sampler = OpenAISampler("scripted", base_url=endpoint.url)
        first, _ = asyncio.run(ask()), asyncio.run(ask())
    gc.collect()
    assert first() is None


def test_in_a_loop_that_goes_on_the_client_of_a_dropped_sampler_is_closed() -> None:
    async def ask() -> object:
        sampler = OpenAISampler("scripted", base_url=endpoint.url)
        await sampler.sample(QUESTION, 1)
        return await sampler._clients.get()

    with endpoint_that_says_four() as endpoint:
        client = run_sync(ask())
        until = time.monotonic() + 5
        while not client.is_closed() and time.monotonic() < until:  # type: ignore[attr-defined]
            gc.collect()
            time.sleep(0.01)
    assert client.is_closed()  # type: ignore[attr-defined]
