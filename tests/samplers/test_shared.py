"""Everyone who asks the same gets the same samples, pays for them, and the model is asked once."""

import asyncio
from dataclasses import replace

import pytest

from tts_agent.exceptions import RateLimited, SamplerError
from tts_agent.messages import Message, user
from tts_agent.portal import run_sync
from tts_agent.samplers.shared import SharedDraws
from tts_agent.sampling import Sample, SampleBatch, Sampler, SampleRequest, Usage
from tts_agent.testing.scripted import Fault, Reply, ScriptedSampler

QUESTION = SampleRequest((user("one two three"),), max_tokens=8)


def numbered(request: SampleRequest, index: int) -> Reply:
    return f"sample {index}"


def texts(batch: SampleBatch) -> list[str]:
    return [sample.text for sample in batch.samples]


def at(offset: int) -> SampleRequest:
    return replace(QUESTION, offset=offset)


def test_it_is_a_sampler_like_the_one_inside() -> None:
    inner = ScriptedSampler(numbered, name="inner")
    shared = SharedDraws(inner)
    assert isinstance(shared, Sampler)
    assert (shared.name, shared.token_bound(QUESTION)) == ("inner", inner.token_bound(QUESTION))


async def test_the_same_request_gets_the_same_samples() -> None:
    inner = ScriptedSampler(numbered)
    shared = SharedDraws(inner)
    first, second = await shared.sample(QUESTION, 3), await shared.sample(QUESTION, 3)
    assert first == second
    assert [call.n for call in inner.calls] == [3]
    assert (shared.drawn, shared.given) == (3, 6)


async def test_only_what_is_missing_is_drawn() -> None:
    inner = ScriptedSampler(numbered)
    shared = SharedDraws(inner)
    await shared.sample(at(1), 2)
    await shared.sample(at(5), 1)
    assert texts(await shared.sample(at(0), 8)) == [f"sample {i}" for i in range(8)]
    assert [(call.request.offset, call.n) for call in inner.calls] == [(1, 2), (5, 1), (0, 1), (3, 2), (6, 2)]


@pytest.mark.parametrize(
    "other",
    [
        replace(QUESTION, max_tokens=9),
        replace(QUESTION, seed=1),
        replace(QUESTION, tools=({"name": "add"},)),
        replace(QUESTION, options={"top_p": 0.5}),
        replace(QUESTION, messages=(Message("user", "one two three", raw={"image": 1}),)),
    ],
)
async def test_a_request_that_differs_in_anything_has_a_stream_of_its_own(other: SampleRequest) -> None:
    shared = SharedDraws(ScriptedSampler(numbered))
    await shared.sample(QUESTION, 1)
    await shared.sample(other, 1)
    assert shared.drawn == 2


async def test_everyone_pays_as_if_each_sample_were_drawn_alone() -> None:
    class Cheaper(ScriptedSampler):
        """Bills the prompt once, as endpoints do that are asked for several samples."""

        async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
            return replace(await super().sample(request, n), usage=Usage(3, 2 * n))

    shared = SharedDraws(Cheaper(numbered))
    first, second = await shared.sample(QUESTION, 2), await shared.sample(QUESTION, 4)
    assert (first.usage, second.usage) == (Usage(6, 4), Usage(12, 8))


async def test_an_unknown_bill_stays_unknown() -> None:
    class Silent(ScriptedSampler):
        async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
            return SampleBatch((Sample("who knows"),) * n, unaccounted=n)

    shared = SharedDraws(Silent(numbered))
    assert [(await shared.sample(QUESTION, n)).unaccounted for n in (2, 3)] == [2, 3]


async def test_a_failure_is_raised_and_forgotten() -> None:
    shared = SharedDraws(ScriptedSampler(numbered, faults={0: Fault(RateLimited("slow down", retry_after=0.0))}))
    with pytest.raises(RateLimited):
        await shared.sample(QUESTION, 2)
    assert texts(await shared.sample(QUESTION, 2)) == ["sample 0", "sample 1"]


@pytest.mark.parametrize(("billed", "unaccounted"), [(True, 3), (False, 0)])
async def test_what_is_remembered_survives_a_failure(*, billed: bool, unaccounted: int) -> None:
    shared = SharedDraws(ScriptedSampler(numbered, faults={1: Fault(SamplerError("broke", billed=billed))}))
    await shared.sample(QUESTION, 2)
    batch = await shared.sample(QUESTION, 5)
    assert texts(batch) == ["sample 0", "sample 1"]
    assert (len(batch.failures), batch.unaccounted) == (1, unaccounted)


async def test_survivors_of_a_short_call_are_given_and_not_remembered() -> None:
    def third_fails(request: SampleRequest, index: int) -> Reply:
        return RateLimited("slow down") if index == 2 else f"sample {index}"

    inner = ScriptedSampler(third_fails)
    shared = SharedDraws(inner)
    batch = await shared.sample(QUESTION, 4)
    assert texts(batch) == ["sample 0", "sample 1", "sample 3"]
    assert len(batch.failures) == 1
    await shared.sample(QUESTION, 2)
    assert [call.n for call in inner.calls] == [4, 2]


async def test_a_short_call_without_a_failure_is_a_short_batch() -> None:
    shared = SharedDraws(ScriptedSampler(numbered, faults={0: Fault(missing=2)}))
    assert await shared.sample(QUESTION, 2) == SampleBatch()


async def test_those_who_ask_at_the_same_time_share_one_draw() -> None:
    inner = ScriptedSampler(numbered, latency=0.02)
    shared = SharedDraws(inner)
    batches = await asyncio.gather(*(shared.sample(QUESTION, n) for n in (2, 3, 2)))
    assert [len(batch.samples) for batch in batches] == [2, 3, 2]
    assert shared.drawn == 3


async def test_different_requests_are_drawn_at_the_same_time() -> None:
    both = asyncio.Barrier(2)

    class Meeting(ScriptedSampler):
        async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
            await both.wait()
            return await super().sample(request, n)

    shared = SharedDraws(Meeting(numbered))
    calls = shared.sample(QUESTION, 1), shared.sample(replace(QUESTION, seed=1), 1)
    await asyncio.wait_for(asyncio.gather(*calls), 10)


async def test_other_event_loops_share_too() -> None:
    shared = SharedDraws(ScriptedSampler(numbered, latency=0.02))
    here = asyncio.create_task(shared.sample(QUESTION, 2))
    there = asyncio.to_thread(run_sync, shared.sample(QUESTION, 2))
    first, second = await asyncio.gather(here, there)
    assert first == second
    assert shared.drawn == 2


async def test_who_is_cancelled_while_waiting_disturbs_nobody() -> None:
    shared = SharedDraws(ScriptedSampler(numbered, latency=0.05))
    drawing, waiting, patient = (asyncio.create_task(shared.sample(QUESTION, 1)) for _ in range(3))
    await asyncio.sleep(0.01)
    waiting.cancel()
    assert texts(await drawing) == texts(await patient) == ["sample 0"]
    assert waiting.cancelled()


async def test_when_a_draw_is_cancelled_the_next_in_line_draws() -> None:
    shared = SharedDraws(ScriptedSampler(numbered, latency=0.05))
    drawing, waiting = (asyncio.create_task(shared.sample(QUESTION, 1)) for _ in range(2))
    await asyncio.sleep(0.01)
    drawing.cancel()
    assert texts(await waiting) == ["sample 0"]
    assert shared.drawn == 1
