"""A chat model of several samples, where people put chat models."""

import asyncio
import operator
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import reduce
from typing import Any

import pytest
from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler, get_usage_metadata_callback
from langchain_core.globals import set_llm_cache
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph_supervisor import create_supervisor
from openai import InternalServerError
from pydantic import BaseModel

from tests.nodes.models import ScriptedModel, StreamingModel, message, openai_model
from tts_agent import Budget, ConfigurationError
from tts_agent.exceptions import EndpointUnreachable, RateLimited, SamplerError
from tts_agent.messages import ToolCall
from tts_agent.nodes.adaptive_chat_model import AdaptiveChatModel
from tts_agent.nodes.errors import BudgetExceededError
from tts_agent.nodes.token_budget import token_budget
from tts_agent.portal import run_sync
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import Reply, ScriptedSampler

VOTE, ONE = Fixed(SelfConsistency(FixedSize(3))), Fixed(Single())
Script = Callable[[SampleRequest, int], Reply]


class Endpoint(Loopback):
    def __init__(self, script: Script = lambda request, index: "it is 42", **options: Any) -> None:
        self.sampler = ScriptedSampler(script)
        super().__init__(self.sampler, **options)

    @property
    def billed(self) -> int:
        return sum(sample.usage.total for sample in self.sampler.samples)

    def model(self, **fields: Any) -> ChatOpenAI:
        return openai_model(self, **{"max_tokens": 20, "stream_usage": True, **fields})

    def adaptive(self, policy: Any = VOTE, **options: Any) -> AdaptiveChatModel:
        return AdaptiveChatModel(self.model(), policy=policy, **options)


def answers(*said: Reply) -> Script:
    """These in turn."""
    turns = iter(said)
    return lambda request, index: next(turns)


class Recorder(BaseCallbackHandler):
    """What a trace would show."""

    def __init__(self) -> None:
        self.models = 0
        self.steps: list[str] = []

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        self.models += 1

    def on_chain_start(self, *_: Any, **about: Any) -> None:
        self.steps.append(str(about.get("name")))


def ask(model: Any, how: str, question: str = "what is it", config: Any = None) -> AIMessage:
    """Invoke or stream, in one of the ways people do."""

    async def ainvoke() -> Any:
        return await model.ainvoke(question, config)

    async def astream() -> Any:
        return [chunk async for chunk in model.astream(question, config)]

    match how:
        case "invoke":
            reply: Any = model.invoke(question, config)
        case "ainvoke":
            reply = run_sync(ainvoke())
        case "stream":
            reply = list(model.stream(question, config))
        case _:
            reply = run_sync(astream())
    if isinstance(reply, list):
        added: AIMessage = reduce(operator.add, reply)
        return added
    assert isinstance(reply, AIMessage)
    return reply


WAYS = pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream"])


@WAYS
def test_samples_vote_and_the_winner_comes_back_with_its_own_usage(how: str) -> None:
    with Endpoint(answers("it is 41", "I think it is 42", "I think it is 42")) as endpoint:
        reply = ask(endpoint.adaptive(), how)
    assert reply.text == "I think it is 42"
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["output_tokens"] == 5  # a token is a word
    assert reply.response_metadata["tts_agent"]["votes"] == [2, 1]
    assert reply.response_metadata["tts_agent"]["tokens"] == endpoint.billed
    assert reply.response_metadata["finish_reason"] == "stop"


@WAYS
@pytest.mark.parametrize("policy", [ONE, VOTE], ids=["single", "voting"])
def test_callbacks_see_one_run_and_every_token_once(how: str, policy: Any) -> None:
    explicit, seen = UsageMetadataCallbackHandler(), Recorder()
    with Endpoint() as endpoint, get_usage_metadata_callback() as around:
        ask(endpoint.adaptive(policy), how, config={"callbacks": [explicit, seen]})
        for counted in (explicit, around):
            assert counted.usage_metadata["scripted"]["total_tokens"] == endpoint.billed
    assert seen.models == 1


def test_samples_are_steps_in_the_trace_below_the_run() -> None:
    seen = Recorder()
    with Endpoint() as endpoint:
        endpoint.adaptive().invoke("what is it", {"callbacks": [seen]})
    assert seen.steps == ["tts.sample[0]", "tts.sample[1]", "tts.sample[2]"]


@WAYS
def test_under_a_guard_the_samples_count_once_and_the_run_around_them_does_not(how: str) -> None:
    with Endpoint() as endpoint, token_budget(CheckedBudget(5000)) as budget:
        ask(endpoint.adaptive(), how)
        assert (budget.spent.tokens, budget.spent.calls) == (endpoint.billed, 3)


def test_a_single_call_is_the_bare_model_s() -> None:
    with Endpoint() as endpoint:
        bare = [chunk.content for chunk in endpoint.model().stream("what is it")]
        adaptive = list(endpoint.adaptive(ONE).stream("what is it"))
        assert [chunk.content for chunk in adaptive] == bare
        assert {key: value for key, value in endpoint.requests[0].items() if value is not None} == {
            key: value for key, value in endpoint.requests[1].items() if value is not None
        }


@pytest.mark.parametrize("how", ["stream", "astream"])
def test_a_single_call_is_streamed_while_it_comes(how: str) -> None:
    """The model says its second word when the first was heard."""
    heard = threading.Event()

    class Conversing(StreamingModel):
        def _stream(self, *arguments: Any, **keywords: Any) -> Any:
            first, *rest = super()._stream(*arguments, **keywords)
            yield first
            assert heard.wait(10)
            yield from rest

    async def astream() -> str:
        said = ""
        async for chunk in model.astream("go"):
            heard.set()
            said += chunk.text
        return said

    model = AdaptiveChatModel(Conversing(messages=iter([AIMessage("one two three")])), policy=ONE)
    if how == "astream":
        assert run_sync(astream()) == "one two three"
        return
    said = ""
    for chunk in model.stream("go"):
        heard.set()
        said += chunk.text
    assert said == "one two three"


def test_a_stream_that_nobody_reads_on_ends_the_call_and_its_reservation() -> None:
    budget, over = CheckedBudget(10_000), threading.Event()

    class Endless(StreamingModel):
        def _stream(self, *arguments: Any, **keywords: Any) -> Any:
            try:
                while True:
                    yield ChatGenerationChunk(message=AIMessageChunk(content="word "))
            finally:
                over.set()

    async def two_words() -> None:
        stream = model.astream("go")
        await anext(stream)
        await stream.aclose()  # type: ignore[attr-defined]

    model = AdaptiveChatModel(Endless(messages=iter([]), max_tokens=50), policy=ONE, budget=budget, max_retries=0)
    stream = model.stream("go")
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert over.wait(10)
    run_sync(two_words())
    for _ in range(1000):
        if not budget.held.tokens:
            break
        threading.Event().wait(0.01)
    assert (budget.held.tokens, budget.spent.calls) == (0, 2)
    assert budget.spent.tokens > 100  # both in full: nobody knows what was billed


def test_graphs_stream_the_single_call_live_and_the_winner_whole() -> None:
    def graph(model: AdaptiveChatModel) -> Any:
        builder = StateGraph(MessagesState)
        builder.add_node("agent", lambda state: {"messages": [model.invoke(state["messages"])]})
        builder.add_edge(START, "agent")
        builder.add_edge("agent", END)
        return builder.compile()

    def heard(model: AdaptiveChatModel) -> list[str]:
        stream = graph(model).stream({"messages": "what is it"}, stream_mode="messages")
        return [chunk.text for chunk, _ in stream if chunk.text]

    with Endpoint() as endpoint:
        assert heard(endpoint.adaptive(ONE)) == ["it ", "is ", "42"]
        assert heard(endpoint.adaptive(VOTE)) == ["it is 42"]


def test_tools_are_bound_by_the_model_inside_and_calls_vote_by_name_and_arguments() -> None:
    @tool
    def add(a: int, b: int) -> int:
        """Add."""
        return a + b

    def call(arguments: str, number: str) -> Sample:
        return Sample("", "tool_calls", (ToolCall("add", arguments, number),))

    script = answers(call('{"a": 1, "b": 1}', "x"), call('{"a": 1, "b": 2}', "y"), call('{"b": 2, "a": 1}', "z"))
    with Endpoint(script) as endpoint:
        reply = endpoint.adaptive().bind_tools([add], tool_choice="any").invoke("what is 1 + 2")
    assert [call["args"] for call in reply.tool_calls] == [{"a": 1, "b": 2}]
    assert {body["tool_choice"] for body in endpoint.requests} == {"required"}
    assert [len(body["tools"]) for body in endpoint.requests] == [1, 1, 1]


class Answer(BaseModel):
    value: int


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("raw", [False, True])
def test_structured_replies_vote_before_they_are_parsed(method: str, raw: bool) -> None:
    def said(value: int) -> Sample:
        text = f'{{"value": {value}}}'
        if method == "json_schema":
            return Sample(text)
        return Sample("", "tool_calls", (ToolCall("Answer", text, "c"),))

    with Endpoint(answers(said(1), said(2), said(2))) as endpoint:
        structured = endpoint.adaptive().with_structured_output(Answer, method=method, include_raw=raw)
        answer = structured.invoke("what is it")
    assert (answer["parsed"] if raw else answer) == Answer(value=2)
    assert len(endpoint.requests) == 3


def test_the_cache_is_for_answers_and_not_for_samples() -> None:
    set_llm_cache(InMemoryCache())
    try:
        with Endpoint() as endpoint:
            model = endpoint.adaptive()
            first = model.invoke("what is it")
            assert len(endpoint.requests) == 3
            assert model.invoke("what is it").text == first.text
            assert len(endpoint.requests) == 3
            endpoint.adaptive(ONE).invoke("what is it")
            assert len(endpoint.requests) == 4  # another policy, another answer
    finally:
        set_llm_cache(None)


def test_the_rate_limiter_holds_for_each_sample() -> None:
    class Counting(InMemoryRateLimiter):
        taken = 0

        def acquire(self, *, blocking: bool = True) -> bool:
            type(self).taken += 1
            return True

    with Endpoint() as endpoint:
        limited = endpoint.model(rate_limiter=Counting())
        AdaptiveChatModel(limited, policy=VOTE).invoke("what is it")
        assert Counting.taken == 3
        list(AdaptiveChatModel(limited, policy=ONE).stream("what is it"))
        assert Counting.taken == 4


def test_batches_and_fallbacks_are_those_of_any_chat_model() -> None:
    with Endpoint() as endpoint:
        assert [reply.text for reply in endpoint.adaptive().batch(["a", "b"])] == ["it is 42"] * 2
    script: Script = lambda request, index: SamplerError("down") if request.max_tokens == 20 else "it is 43"  # noqa: E731
    with Endpoint(script) as endpoint:
        fallback = AdaptiveChatModel(endpoint.model(max_tokens=30), policy=VOTE)
        assert endpoint.adaptive(max_retries=0).with_fallbacks([fallback]).invoke("hello").text == "it is 43"


@WAYS
def test_when_every_sample_fails_the_model_s_own_error_comes_up(how: str) -> None:
    with Endpoint(faults=[Fault(status=500)] * 9) as endpoint, pytest.raises(InternalServerError):
        ask(endpoint.adaptive(ONE, max_retries=0), how)


def test_a_failed_sample_leaves_the_others_alone() -> None:
    budget = CheckedBudget(50_000)
    with Endpoint(faults=[Fault(status=500), None, None]) as endpoint:
        reply = endpoint.adaptive(budget=budget, max_retries=0).invoke("what is it")
        assert reply.response_metadata["tts_agent"]["votes"] == [3]
        assert len(endpoint.requests) == 4  # one more in place of the failed one, which may have been billed
    assert budget.spent.tokens > endpoint.billed


def test_failed_calls_are_tried_again_but_never_behind_words_that_were_streamed() -> None:
    with Endpoint(faults=[Fault(status=429, retry_after="0")]) as endpoint:
        assert ask(endpoint.adaptive(ONE), "stream").text == "it is 42"

    class Breaking(StreamingModel):
        def _stream(self, *arguments: Any, **keywords: Any) -> Any:
            yield from super()._stream(*arguments, **keywords)
            raise RateLimited("too late", retry_after=0.0)

    heard = ""
    model = AdaptiveChatModel(Breaking(messages=iter([AIMessage("once"), AIMessage("twice")])), policy=ONE)
    with suppress(RateLimited):
        for chunk in model.stream("go"):
            heard += chunk.text
    assert heard == "once"


def test_the_budget_is_a_hard_cap_and_a_step_takes_what_fits() -> None:
    budget = CheckedBudget(5000, calls=2)
    with Endpoint() as endpoint:
        reply = endpoint.adaptive(budget=budget).invoke("what is it")
        assert reply.response_metadata["tts_agent"]["samples"] == 2
        with pytest.raises(BudgetExceededError):
            endpoint.adaptive(budget=10).invoke("what is it")
    assert budget.spent.tokens == endpoint.billed


def test_a_foreign_ledger_under_a_guard_is_refused_before_anything_is_spent() -> None:
    with Endpoint() as endpoint, token_budget(5000) as budget:
        with pytest.raises(ConfigurationError, match="token_budget is around it"):
            endpoint.adaptive(budget=Budget(5000)).invoke("what is it")
        assert endpoint.requests == []
        endpoint.adaptive(budget=budget.child(1000)).invoke("what is it")
        endpoint.adaptive(budget=1000).invoke("what is it")
        assert budget.spent.tokens == endpoint.billed


def test_final_nodes_may_use_the_reserve() -> None:
    def graph(model: AdaptiveChatModel) -> Any:
        builder = StateGraph(MessagesState)
        builder.add_node("write", lambda state: {"messages": [model.invoke(state["messages"])]})
        builder.add_edge(START, "write")
        return builder.compile()

    state = {"messages": [HumanMessage("write it")]}
    with Endpoint() as endpoint:
        with token_budget(1000, reserve_final=980), pytest.raises(BudgetExceededError):
            graph(endpoint.adaptive()).invoke(state)
        with token_budget(1000, reserve_final=980, final_nodes=["write"]):
            assert graph(endpoint.adaptive()).invoke(state)["messages"][-1].text == "it is 42"


def test_the_winner_s_own_usage_does_not_set_off_a_summary() -> None:
    """A sum over samples would look like a conversation that is three times as long."""
    with Endpoint(lambda request, index: "word " * 19) as endpoint:
        summarizer = SummarizationMiddleware(endpoint.model(), trigger=("tokens", 50), keep=("messages", 1))
        agent = create_agent(endpoint.adaptive(), middleware=[summarizer])
        state = agent.invoke({"messages": [HumanMessage("hi")]})
        agent.invoke({"messages": [*state["messages"], HumanMessage("go on")]})
        assert len(endpoint.requests) == 6


@pytest.mark.filterwarnings("ignore:create_react_agent has been moved")  # langgraph-supervisor still uses it
def test_supervisors_and_sub_agents_take_it_for_a_chat_model() -> None:
    def script(request: SampleRequest, index: int) -> Reply:
        said = [message.content for message in request.messages if message.role != "system"]
        if said == ["research it"]:
            arguments = '{"description": "look it up", "subagent_type": "general-purpose"}'
            return Sample("", "tool_calls", (ToolCall("task", arguments, f"call-{index}"),))
        return "it is 42"

    with Endpoint(script) as endpoint, token_budget(CheckedBudget(500_000)) as budget:
        state = create_deep_agent(model=endpoint.adaptive()).invoke({"messages": [HumanMessage("research it")]})
        assert state["messages"][-1].text == "it is 42"
        assert budget.spent.tokens == endpoint.billed
        assert budget.spent.calls == 9  # 3 for each of the caller, its sub-agent and the caller again
        worker = create_agent(endpoint.adaptive(), name="worker")
        supervisor = create_supervisor([worker], model=endpoint.adaptive()).compile()
        assert supervisor.invoke({"messages": [HumanMessage("hello")]})["messages"][-1].text == "it is 42"
        assert budget.spent.tokens == endpoint.billed


def test_synchronous_calls_inside_an_event_loop() -> None:
    async def inside(model: AdaptiveChatModel) -> tuple[str, str]:
        return model.invoke("a").text, "".join(chunk.text for chunk in model.stream("a"))

    with Endpoint() as endpoint:
        assert asyncio.run(inside(endpoint.adaptive())) == ("it is 42", "it is 42")


def test_it_tells_of_the_model_inside() -> None:
    with Endpoint() as endpoint:
        inner = endpoint.model(profile={"max_input_tokens": 1000, "tool_calling": True})
        model = AdaptiveChatModel(inner)
    assert model.profile == inner.profile
    assert model.model_name == "scripted"
    assert model._get_ls_params()["ls_provider"] == "openai"
    assert AdaptiveChatModel(inner, profile={"max_input_tokens": 5}).profile == {"max_input_tokens": 5}


def test_tokens_are_counted_without_a_network() -> None:
    with Endpoint() as endpoint:
        model = endpoint.adaptive()
    assert 3 <= model.get_num_tokens("what is six times seven") <= 12
    assert model.get_num_tokens_from_messages([HumanMessage("what is six times seven")]) >= 6
    words = AdaptiveChatModel(ScriptedModel(script=lambda _: message()), custom_get_token_ids=lambda text: [1, 2, 3])
    assert words.get_num_tokens("anything") == 3


def test_the_smallest_cap_holds() -> None:
    with Endpoint() as endpoint:
        endpoint.adaptive(max_tokens=10).invoke("a")
        endpoint.adaptive().bind(max_tokens=5).invoke("a")
        endpoint.adaptive(max_tokens=50).invoke("a")
        assert [body["max_completion_tokens"] for body in endpoint.requests[::3]] == [10, 5, 20]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"policy": "vote"}, "policy is 'vote': give a policy or one of"),
        ({"estimator": object()}, "no method predict"),
        ({"budget": 0}, "budget is 0"),
        ({"max_tokens": -1}, "max_tokens is -1"),
        ({"max_retries": -1}, "max_retries is -1"),
        ({"max_tokens_field": ""}, "max_tokens_field is ''"),
    ],
)
def test_wrong_settings_are_refused_at_construction(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        AdaptiveChatModel(ScriptedModel(script=lambda _: message()), **arguments)


def test_a_model_that_is_none_or_bound_or_cannot_be_capped_is_refused() -> None:
    model = ScriptedModel(script=lambda _: message())
    for wrong in ("gpt", model.bind(stop=["x"])):
        with pytest.raises(ConfigurationError, match="give a chat model itself"):
            AdaptiveChatModel(wrong)  # type: ignore[arg-type]


def test_chunks_add_up_to_a_message_of_the_right_kind() -> None:
    with Endpoint() as endpoint:
        chunks = list(endpoint.adaptive().stream("a"))
    assert all(isinstance(chunk, AIMessageChunk) for chunk in chunks)
    assert chunks[-1].chunk_position == "last"


def test_an_unreachable_endpoint_costs_nothing() -> None:
    budget = Budget(5000)
    with Endpoint() as endpoint:
        model = endpoint.model()
    with pytest.raises(Exception, match="Connection error") as caught:
        AdaptiveChatModel(model, budget=budget, max_retries=0).invoke("a")
    assert not isinstance(caught.value, EndpointUnreachable)
    assert budget.spent.tokens == 0
