"""LangChain chat models as samplers: every call is billed once, capped, traced and hidden."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from typing import Any

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.globals import set_llm_cache
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage, ChatMessage
from langchain_openai import ChatOpenAI
from langgraph.errors import GraphInterrupt
from pydantic import SecretStr

from tests.nodes.models import KEY, ScriptedModel, message, openai_model
from tts_agent import AdaptiveReasoner, Budget, ConfigurationError, SamplerError
from tts_agent.exceptions import EndpointUnreachable, RateLimited, RequestRejected
from tts_agent.messages import ToolCall, user
from tts_agent.nodes import ChatModelSampler
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample, SampleRequest, Usage
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import Reply, ScriptedSampler

ADD = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
where: ContextVar[str] = ContextVar("where", default="nowhere")


def request(text: str = "6*7?", max_tokens: int = 50, **fields: Any) -> SampleRequest:
    return SampleRequest((user(text),), max_tokens, **fields)


@pytest.fixture(params=[False, True], ids=["async", "threads"])
def blocking(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def says(*replies: Reply, faults: Sequence[Fault | None] = ()) -> Loopback:
    """An endpoint that says these in turn, over and over."""
    return Loopback(ScriptedSampler(list(replies) * 12), faults=faults)


async def test_each_sample_is_one_capped_request(blocking: bool) -> None:
    with says("42") as endpoint:
        sampler = ChatModelSampler(openai_model(endpoint), blocking=blocking)
        batch = await sampler.sample(request(max_tokens=30, temperature=0.7), 3)
    assert [sample.text for sample in batch.samples] == ["42"] * 3
    assert batch.usage == Usage(3, 3)  # a token is a word
    assert len(endpoint.requests) == 3
    for body in endpoint.requests:
        assert (body["max_completion_tokens"], body["temperature"], body["stream"]) == (30, 0.7, False)
        assert "n" not in body


async def test_the_sdk_s_own_retries_are_off(blocking: bool) -> None:
    with says("42", faults=[Fault(status=500, message=f"no, and your key is {KEY}")] * 2) as endpoint:
        sampler = ChatModelSampler(openai_model(endpoint, max_retries=5), blocking=blocking)
        with pytest.raises(SamplerError) as raised:
            await sampler.sample(request(), 2)
    assert len(endpoint.requests) == 2
    assert (raised.value.billed, raised.value.retryable) == (True, True)
    assert KEY not in str(raised.value)
    assert "500" in str(raised.value)


@pytest.mark.parametrize(("status", "kind"), [(401, RequestRejected), (429, RateLimited), (503, SamplerError)])
async def test_a_refusal_is_an_error_of_ours(status: int, kind: type[SamplerError]) -> None:
    with says("42", faults=[Fault(status=status)]) as endpoint, pytest.raises(kind):
        await ChatModelSampler(openai_model(endpoint)).sample(request(), 1)
    assert len(endpoint.requests) == 1


async def test_an_endpoint_that_is_not_there_bills_nothing(blocking: bool) -> None:
    with says("") as endpoint:
        pass
    with pytest.raises(EndpointUnreachable):
        await ChatModelSampler(openai_model(endpoint), blocking=blocking).sample(request(), 1)


async def test_neither_bound_arguments_nor_streaming_nor_options_get_around_the_cap() -> None:
    with says("42") as endpoint:
        model = openai_model(endpoint, streaming=True).bind(max_completion_tokens=9000, n=4, stream=True, user="me")
        await ChatModelSampler(model).sample(request(max_tokens=30, options={"max_tokens": 9000, "top_p": 0.5}), 1)
    (body,) = endpoint.requests
    assert (body["max_completion_tokens"], body["stream"], body["user"], body["top_p"]) == (30, False, "me", 0.5)
    assert "max_tokens" not in body
    assert "n" not in body


async def test_the_model_s_own_limit_cannot_be_raised() -> None:
    with says("42") as endpoint:
        sampler = ChatModelSampler(openai_model(endpoint, max_tokens=20))
        await sampler.sample(request(max_tokens=30), 1)
        await sampler.sample(request(max_tokens=10), 1)
    assert sampler.max_tokens == 20
    assert [body["max_completion_tokens"] for body in endpoint.requests] == [20, 10]


async def test_a_request_s_temperature_wins_over_a_bound_one_and_none_leaves_it() -> None:
    model = ScriptedModel(script=lambda _: message("x"))
    sampler = ChatModelSampler(model.bind(temperature=0.0))
    await sampler.sample(request(temperature=0.9), 1)
    await sampler.sample(request(), 1)
    bound = [call["temperature"] for call in model.calls]
    assert bound == [0.9, 0.0]


async def test_a_seed_counts_through_the_stream() -> None:
    with says("42") as endpoint:
        await ChatModelSampler(openai_model(endpoint)).sample(request(seed=7, offset=3), 2)
    assert sorted(body["seed"] for body in endpoint.requests) == [10, 11]


async def test_bound_tools_are_sent_and_their_calls_come_back() -> None:
    calls = (ToolCall("add", '{"a": 1}'), ToolCall("add", '{"a": '))
    with says(Sample("", "tool_calls", calls)) as endpoint:
        sampler = ChatModelSampler(openai_model(endpoint).bind_tools([ADD], tool_choice="auto"))
        batch = await sampler.sample(request(tools=sampler.tools), 1)
    assert endpoint.requests[0]["tools"] == [ADD]
    assert sampler.tools == (ADD,)
    (sample,) = batch.samples
    assert [(call.name, call.valid) for call in sample.tool_calls] == [("add", True), ("add", False)]
    assert not sample.valid


async def test_tools_that_are_not_bound_are_refused() -> None:
    sampler = ChatModelSampler(ScriptedModel(script=lambda _: message("x")))
    with pytest.raises(ConfigurationError, match="bind_tools"):
        await sampler.sample(request(tools=(ADD,)), 1)


async def test_one_failed_call_leaves_the_others_alone(blocking: bool) -> None:
    with says("42", faults=[None, Fault(status=500)]) as endpoint:
        batch = await ChatModelSampler(openai_model(endpoint), blocking=blocking).sample(request(), 3)
    assert [sample.text for sample in batch.samples] == ["42", "42"]
    assert len(batch.failures) == 1
    assert (batch.usage.total, batch.unaccounted) == (4, 1)


async def test_a_refused_call_among_others_costs_nothing() -> None:
    with says("42", faults=[None, Fault(status=429)]) as endpoint:
        batch = await ChatModelSampler(openai_model(endpoint)).sample(request(), 3)
    assert (len(batch.samples), batch.unaccounted) == (2, 0)


async def test_a_reply_without_usage_is_unaccounted() -> None:
    with says("42", faults=[Fault(null_usage=True)]) as endpoint:
        batch = await ChatModelSampler(openai_model(endpoint)).sample(request(), 3)
    assert (len(batch.samples), batch.usage.total, batch.unaccounted) == (3, 4, 1)


async def test_when_all_fail_the_one_that_may_have_been_billed_is_raised() -> None:
    refused, lost = RateLimited("slow down"), SamplerError("connection lost")

    def script(number: int) -> AIMessage:
        raise lost if number == 1 else refused

    with pytest.raises(SamplerError, match="connection lost") as raised:
        await ChatModelSampler(ScriptedModel(script=script)).sample(request(), 3)
    assert raised.value.billed


async def test_what_is_no_reply_of_a_model_is_a_failure() -> None:
    said: Any = ChatMessage(content="42", role="oracle")
    with pytest.raises(SamplerError, match="ChatMessage"):
        await ChatModelSampler(ScriptedModel(script=lambda _: said)).sample(request(), 1)


@pytest.fixture
def global_cache() -> Iterator[None]:
    set_llm_cache(InMemoryCache())
    yield
    set_llm_cache(None)


@pytest.mark.usefixtures("global_cache")
async def test_a_global_cache_does_not_make_one_sample_of_many() -> None:
    with says("42") as endpoint:
        await ChatModelSampler(openai_model(endpoint)).sample(request(), 4)
    assert len(endpoint.requests) == 4


async def test_samples_in_threads_are_one_wave_with_the_caller_s_context() -> None:
    together = threading.Barrier(12, timeout=20)

    def script(_: int) -> AIMessage:
        together.wait()
        return message(where.get())

    where.set("in the caller's context")
    sampler = ChatModelSampler(ScriptedModel(script=script), blocking=True)
    batch = await sampler.sample(request(), 12)
    assert {sample.text for sample in batch.samples} == {"in the caller's context"}


def test_a_second_event_loop_does_not_meet_the_connections_of_the_first() -> None:
    with says("42") as endpoint:
        sampler = ChatModelSampler(openai_model(endpoint))
        batches = [asyncio.run(sampler.sample(request(), 4)) for _ in range(3)]
    assert [len(batch.samples) for batch in batches] == [4, 4, 4]
    assert len(endpoint.requests) == 12


async def test_an_interrupt_passes_through(blocking: bool) -> None:
    def script(number: int) -> AIMessage:
        if number == 1:
            raise GraphInterrupt
        return message("x")

    with pytest.raises(GraphInterrupt):
        await ChatModelSampler(ScriptedModel(script=script), blocking=blocking).sample(request(), 3)


async def test_a_cancelled_call_settles_its_reservation() -> None:
    started = asyncio.Event()

    class Slow(ScriptedModel):
        async def _agenerate(self, *arguments: Any, **keywords: Any) -> Any:
            started.set()
            await asyncio.sleep(60)

    budget = Budget(1000)
    sampler = ChatModelSampler(Slow(script=lambda _: message("x")))
    reasoner = AdaptiveReasoner(sampler, policy=Fixed(SelfConsistency(FixedSize(2))), budget=budget)
    running = asyncio.create_task(reasoner.arun("6*7?"))
    await started.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert budget.held.tokens == 0
    assert budget.spent.tokens > 0  # nobody knows what was billed


async def test_a_prompt_is_bounded_by_what_was_reported_for_it() -> None:
    sampler = ChatModelSampler(ScriptedModel(script=lambda _: message("x", prompt=250)))
    asked = request("x" * 1000)
    assert sampler.token_bound(asked) >= 1000
    await sampler.sample(asked, 1)
    assert sampler.token_bound(asked) == sampler.in_threads().token_bound(asked) == 250


def test_the_name_is_the_model_s() -> None:
    assert ChatModelSampler(ChatOpenAI(model="gpt", api_key=SecretStr("k"))).name == "gpt"
    assert ChatModelSampler(ScriptedModel(script=lambda _: message("x"))).name == "ScriptedModel"
    assert ChatModelSampler(ScriptedModel(script=lambda _: message("x")), name="mine").name == "mine"


async def test_a_model_without_a_cap_field_is_refused_unless_the_argument_is_named() -> None:
    model = FakeListChatModel(responses=["x"])
    with pytest.raises(ConfigurationError, match="max_tokens_field"):
        ChatModelSampler(model)
    batch = await ChatModelSampler(model, max_tokens_field="max_tokens").sample(request(), 1)
    assert [sample.text for sample in batch.samples] == ["x"]


async def test_a_call_for_the_only_sample_is_made_as_if_nobody_came_between(blocking: bool) -> None:
    seen: list[Any] = []

    class Watching(BaseCallbackHandler):
        def on_chat_model_start(self, serialized: Any, messages: Any, **run: Any) -> None:
            seen.append((run.get("name"), run["tags"]))

    with says("it is 42") as endpoint:
        model = openai_model(endpoint, streaming=True, callbacks=[Watching()])
        sampler = ChatModelSampler(model, blocking=blocking)
        batch = await sampler.sample(request(alone=True), 1)
        await sampler.sample(request(), 1)
    assert seen == [(None, []), ("tts.sample[0]", ["nostream"])]
    assert [body.get("stream") or False for body in endpoint.requests] == [True, False]
    assert endpoint.requests[0]["max_completion_tokens"] == 50
    assert batch.usage == Usage(1, 3)
    assert batch.unaccounted == 0
