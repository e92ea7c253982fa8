"""The scripted model."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from tts_agent.exceptions import RateLimited, RequestRejected, SamplerError
from tts_agent.messages import Message, ToolCall, user
from tts_agent.sampling import Sample, SampleBatch, Sampler, SampleRequest, Usage
from tts_agent.testing.scripted import Asked, Fault, ScriptedSampler

REQUEST = SampleRequest((user("What is 2 + 2?"),), max_tokens=8)
PROMPT = 5  # words


def ask(sampler: ScriptedSampler, n: int = 1, request: SampleRequest = REQUEST) -> SampleBatch:
    return asyncio.run(sampler.sample(request, n))


def test_it_is_a_sampler() -> None:
    assert isinstance(ScriptedSampler([]), Sampler)
    assert ScriptedSampler([], name="tiny").name == "tiny"


def test_a_list_is_given_out_in_order_whatever_is_asked() -> None:
    sampler = ScriptedSampler(["a", "b", "c"])
    assert [sample.text for sample in ask(sampler, 2).samples] == ["a", "b"]
    assert [sample.text for sample in ask(sampler, 1).samples] == ["c"]
    with pytest.raises(IndexError, match="the script has 3 replies, and number 4 was asked for"):
        ask(sampler)


def test_a_function_is_told_the_request_and_the_index_in_its_stream() -> None:
    sampler = ScriptedSampler(lambda request, index: f"{request.messages[0].content} {index}")
    batch = ask(sampler, 2, replace(REQUEST, offset=3))
    assert [sample.text for sample in batch.samples] == ["What is 2 + 2? 3", "What is 2 + 2? 4"]


def test_the_bill_counts_words() -> None:
    batch = ask(ScriptedSampler(["the answer is 4", "4"]), 2)
    assert [sample.usage for sample in batch.samples] == [Usage(PROMPT, 4), Usage(PROMPT, 1)]
    assert batch.usage == Usage(2 * PROMPT, 5)
    assert ScriptedSampler([]).token_bound(REQUEST) == PROMPT


def test_tool_calls_are_words_too() -> None:
    call = ToolCall("add", '{"a": 2, "b": 2}')
    (sample,) = ask(ScriptedSampler([Sample("", "tool_calls", (call,))])).samples
    assert sample.usage.output_tokens == 5
    told = SampleRequest((user("go"), Message("assistant", "", (call,)), Message("tool", "4")), 8)
    assert ScriptedSampler([]).token_bound(told) == 7


def test_long_replies_are_cut_at_max_tokens() -> None:
    (sample,) = ask(ScriptedSampler(["a b c d"]), 1, replace(REQUEST, max_tokens=3)).samples
    assert (sample.text, sample.finish_reason, sample.usage.output_tokens) == ("a b c", "length", 3)
    assert not sample.valid


def test_a_sample_that_brings_its_usage_keeps_it_but_for_the_cut() -> None:
    thinking = Sample("4", usage=Usage(5, 7, reasoning_tokens=6), logprob=-0.1)
    assert ask(ScriptedSampler([thinking])).samples == (thinking,)
    batch = ask(ScriptedSampler([thinking]), 1, replace(REQUEST, max_tokens=4))
    assert (batch.usage.output_tokens, batch.samples[0].finish_reason) == (4, "length")


def test_an_error_in_the_script_fails_one_completion() -> None:
    batch = ask(ScriptedSampler(["a", RateLimited("slow down"), "b"]), 3)
    assert [sample.text for sample in batch.samples] == ["a", "b"]
    assert [str(failure) for failure in batch.failures] == ["slow down"]
    assert (batch.unaccounted, batch.usage.output_tokens) == (0, 2)
    assert ask(ScriptedSampler(["a", SamplerError("dropped")]), 2).unaccounted == 1


def test_if_all_completions_fail_the_call_does_and_a_bill_is_not_forgotten() -> None:
    with pytest.raises(SamplerError, match="dropped"):
        ask(ScriptedSampler([RequestRejected("no"), SamplerError("dropped", billed=True)]), 2)
    with pytest.raises(ZeroDivisionError):
        ask(ScriptedSampler(["a", ZeroDivisionError()]), 2)


def test_faults_strike_the_call_they_are_meant_for() -> None:
    sampler = ScriptedSampler(["a"] * 9, faults={1: Fault(error=RateLimited("slow down"))})
    assert len(ask(sampler, 2).samples) == 2
    with pytest.raises(RateLimited):
        ask(sampler, 2)
    assert len(ask(sampler, 2).samples) == 2
    always = ScriptedSampler(["a"] * 9, faults=lambda call: Fault(missing=call))
    assert [len(ask(always, 2).samples) for _ in range(4)] == [2, 1, 0, 0]


def test_a_bill_may_leave_samples_out_or_claim_more_than_was_allowed() -> None:
    batch = ask(ScriptedSampler(["a", "b", "c"], faults={0: Fault(unaccounted=2)}), 3)
    assert (len(batch.samples), batch.unaccounted, batch.usage.total) == (3, 2, PROMPT + 1)
    batch = ask(ScriptedSampler(["a", "b"], faults={0: Fault(overreport=1)}), 2)
    assert batch.usage.total == 2 * (PROMPT + 8) + 1


async def test_it_takes_its_time_and_remembers_what_was_asked_and_given() -> None:
    sampler = ScriptedSampler(["a", "b"], latency=0.01, faults={1: Fault(latency=3600.0)})
    started = asyncio.get_running_loop().time()
    await sampler.sample(REQUEST, 1)
    assert asyncio.get_running_loop().time() - started >= 0.009
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sampler.sample(REQUEST, 1), 0.01)
    assert sampler.calls == [Asked(REQUEST, 1), Asked(REQUEST, 1)]
    assert [sample.text for sample in sampler.samples] == ["a"]


def test_loops_in_several_threads_may_ask_it() -> None:
    sampler = ScriptedSampler([str(n) for n in range(400)])

    def worker(_: int) -> list[str]:
        return [sample.text for _ in range(10) for sample in ask(sampler, 4).samples]

    with ThreadPoolExecutor(10) as pool:
        texts = [text for part in pool.map(worker, range(10)) for text in part]
    assert sorted(texts, key=int) == [str(n) for n in range(400)]
    assert len(sampler.calls) == 100
