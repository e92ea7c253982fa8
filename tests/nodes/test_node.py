"""The adaptive node inside real graphs, synchronous and asynchronous."""

import asyncio
import gc
import itertools
import json
import operator
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import ToolRetryMiddleware
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import task
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, RetryPolicy, interrupt

from tests.nodes.models import ScriptedModel, StreamingModel, WrappingModel, message, openai_model
from tts_agent import Budget, BudgetExhausted, ConfigurationError, Result, SamplerError, Step
from tts_agent.budget import BudgetView
from tts_agent.events import Drawn
from tts_agent.messages import ToolCall
from tts_agent.nodes import METADATA_KEY, BudgetExceededError, ChatModelSampler, adaptive_node
from tts_agent.routing import Decision, Fixed
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, SelfConsistency, Single
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler
from tts_agent.verifiers import FunctionVerifier

ASKED = {"messages": [HumanMessage("6*7?")]}
Run = Callable[..., dict[str, Any]]


def vote(n: int) -> Fixed:
    return Fixed(SelfConsistency(FixedSize(n)))


def graph(node: Any, state: Any = MessagesState, **compiled: Any) -> Any:
    return StateGraph(state).add_node("agent", node).add_edge(START, "agent").compile(**compiled)


def scripted(*replies: str | AIMessage | Exception) -> ScriptedModel:
    """Says these in turn, over and over."""

    def script(number: int) -> AIMessage:
        reply = replies[number % len(replies)]
        if isinstance(reply, Exception):
            raise reply
        return message(reply) if isinstance(reply, str) else reply

    return ScriptedModel(script=script)


def decided(state: dict[str, Any]) -> dict[str, Any]:
    metadata: dict[str, Any] = state["messages"][-1].response_metadata[METADATA_KEY]
    return metadata


@pytest.fixture(params=["sync", "async", "sync inside a running loop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Invokes a graph in one of the ways people do."""

    def sync(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        state: dict[str, Any] = graph.invoke(*arguments, **keywords)
        return state

    def asynchronous(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        state: dict[str, Any] = asyncio.run(graph.ainvoke(*arguments, **keywords))
        return state

    async def within(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        return sync(graph, *arguments, **keywords)

    def inside(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
        return asyncio.run(within(graph, *arguments, **keywords))

    return {"sync": sync, "async": asynchronous}.get(request.param, inside)


def test_the_majority_wins_and_is_the_model_s_own_message(run: Run) -> None:
    model = scripted("it is 41", "it is 42", "it is 42")
    state = run(graph(adaptive_node(model, policy=vote(3))), ASKED)
    asked, answer = state["messages"]
    assert asked.content == "6*7?"
    assert answer.content == "it is 42"
    assert answer.usage_metadata == message().usage_metadata  # the winner's own, not the sum
    assert decided(state) == {
        "strategy": "self_consistency",
        "reason": "the policy is fixed",
        "stop": "settled",
        "samples": 3,
        "votes": [2, 1],
        "p_correct": pytest.approx(0.5, abs=0.3),
        "accepted": None,
        "predicted": None,
        "tokens": 45,
        "calls": 3,
    }
    assert json.dumps(decided(state))


class Notes(MessagesState):
    notes: Annotated[list[str], operator.add]
    count: int


def test_the_rest_of_the_state_stays_as_it_was(run: Run) -> None:
    question = {"messages": [HumanMessage("6*7?", id="q")], "notes": ["a"], "count": 3}
    state = run(graph(adaptive_node(scripted("42"), policy=vote(3)), Notes), question)
    assert {**state, "messages": len(state["messages"])} == {"messages": 2, "notes": ["a"], "count": 3}
    assert state["messages"][0] == HumanMessage("6*7?", id="q")


def test_the_conversation_may_be_under_another_key(run: Run) -> None:
    class Chat(MessagesState):
        chat: Annotated[list[Any], operator.add]

    state = run(graph(adaptive_node(scripted("42"), messages_key="chat"), Chat), {"chat": [HumanMessage("6*7?")]})
    assert [turn.content for turn in state["chat"]] == ["6*7?", "42"]
    assert state["messages"] == []


STREAMING = StreamingModel(messages=map(message, itertools.repeat("the answer is 42")))


@pytest.mark.parametrize(
    "model", [STREAMING, WrappingModel(script=lambda _: message(), inner=STREAMING)], ids=["plain", "wrapped"]
)
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_only_the_winner_is_streamed(mode: str, model: BaseChatModel) -> None:
    compiled = graph(adaptive_node(model, policy=vote(4)))

    async def collect() -> list[Any]:
        return [chunk async for chunk in compiled.astream(ASKED, stream_mode="messages")]

    chunks = list(compiled.stream(ASKED, stream_mode="messages")) if mode == "sync" else asyncio.run(collect())
    ((winner, metadata),) = chunks
    assert winner.content == "the answer is 42"
    assert metadata["langgraph_node"] == "agent"


def test_the_decision_goes_out_on_the_custom_stream() -> None:
    (event,) = graph(adaptive_node(scripted("42"), policy=vote(3))).stream(ASKED, stream_mode="custom")
    assert event[METADATA_KEY]["samples"] == 3


@dataclass(eq=False)
class Recorder(BaseCallbackHandler):
    """Every run of a chat model and of a chain."""

    models: list[dict[str, Any]] = field(default_factory=list)
    chains: dict[Any, str] = field(default_factory=dict)

    def on_chat_model_start(self, serialized: Any, messages: Any, **run: Any) -> None:
        self.models.append(run)

    def on_chain_start(self, serialized: Any, inputs: Any, **run: Any) -> None:
        self.chains[run["run_id"]] = run.get("name", "")


def test_every_call_is_traced_under_the_node_with_a_name_of_its_own(run: Run) -> None:
    recorder = Recorder()
    model = scripted("42")
    bound = model.bind_tools([multiply]).with_config(tags=["bound"])
    run(graph(adaptive_node(bound, policy=vote(4))), ASKED, {"callbacks": [recorder], "tags": ["mine"]})
    assert len(recorder.models) == len(model.calls) == 4
    assert sorted(call["name"] for call in recorder.models) == [f"tts.sample[{index}]" for index in range(4)]
    for call in recorder.models:
        assert {"nostream", "mine", "bound"} <= set(call["tags"])
        assert call["metadata"]["langgraph_node"] == "agent"
        assert recorder.chains[call["parent_run_id"]] == "adaptive_node"


def test_usage_callbacks_count_what_was_billed_and_charged(run: Run) -> None:
    counter = UsageMetadataCallbackHandler()
    budget = Budget(10_000)
    behind = ScriptedSampler(["the answer is 41", "the answer is 42"] * 3)
    with Loopback(behind) as endpoint:
        node = adaptive_node(openai_model(endpoint), policy=vote(5), budget=budget)
        state = run(graph(node), ASKED, {"callbacks": [counter]})
    assert len(endpoint.requests) == 5
    billed = sum(sample.usage.total for sample in behind.samples)
    counted = counter.usage_metadata["scripted"]["total_tokens"]
    assert counted == budget.spent.tokens == decided(state)["tokens"] == billed == 25


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def test_tool_calls_vote_and_unparseable_ones_do_not(run: Run) -> None:
    def proposes(arguments: str) -> Sample:
        return Sample("", "tool_calls", (ToolCall("multiply", arguments),))

    broken = proposes('{"a": 6, "b": ')
    said = [broken, proposes('{"a": 6, "b": 7}'), broken, proposes('{"b":7,"a":6}'), broken]
    with Loopback(ScriptedSampler(said)) as endpoint:
        model = openai_model(endpoint).bind_tools([multiply])
        state = run(graph(adaptive_node(model, policy=vote(5))), ASKED)
    (call,) = state["messages"][-1].tool_calls
    assert call["args"] == {"a": 6, "b": 7}
    assert decided(state)["votes"] == [2]


def test_a_cut_off_reply_does_not_vote(run: Run) -> None:
    cut = message("the answer is 41", response_metadata={"finish_reason": "length"})
    state = run(graph(adaptive_node(scripted(cut, cut, "the answer is 42"), policy=vote(3))), ASKED)
    assert state["messages"][-1].content == "the answer is 42"


def test_an_agent_loops_through_its_tools() -> None:
    calls = message("", tool_calls=[{"name": "multiply", "args": {"a": 6, "b": 7}, "id": "1"}])
    model = ScriptedModel(script=lambda number: calls if number < 3 else message("it is 42"))
    builder = StateGraph(MessagesState).add_node("agent", adaptive_node(model.bind_tools([multiply]), policy=vote(3)))
    builder.add_node("tools", ToolNode([multiply])).add_edge(START, "agent").add_edge("tools", "agent")
    agent: Any = builder.add_conditional_edges("agent", tools_condition).compile()
    state = agent.invoke(ASKED)
    assert [turn.type for turn in state["messages"]] == ["human", "ai", "tool", "ai"]
    assert [turn.content for turn in state["messages"]][2:] == ["42", "it is 42"]
    assert len(model.calls) == 6


def test_a_verifier_comes_with_the_policy(run: Run) -> None:
    checked = FunctionVerifier(lambda _step, sample: sample.text == "42")
    policy = Fixed(BestOfN(checked, FixedSize(3)))
    state = run(graph(adaptive_node(scripted("41", "42", "41"), policy=policy)), ASKED)
    assert state["messages"][-1].content == "42"
    assert decided(state)["accepted"] is True


def test_one_failed_call_does_not_discard_the_others(run: Run) -> None:
    model = scripted(ValueError("a malformed reply"), "42", "42")
    state = run(graph(adaptive_node(model, policy=vote(3))), ASKED)
    assert state["messages"][-1].content == "42"
    assert (decided(state)["samples"], decided(state)["votes"]) == (2, [2])


def test_a_failure_is_raised_and_never_becomes_an_answer(run: Run) -> None:
    compiled = graph(adaptive_node(scripted(ValueError("no such thing")), policy=vote(3)), checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    with pytest.raises(SamplerError, match="no such thing"):
        run(compiled, ASKED, thread)
    assert [turn.type for turn in compiled.get_state(thread).values["messages"]] == ["human"]


def test_the_decision_survives_a_checkpoint(run: Run) -> None:
    compiled = graph(adaptive_node(scripted("42"), policy=vote(3)), checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    state = run(compiled, ASKED, thread)
    assert decided(compiled.get_state(thread).values) == decided(state)


def test_an_interrupt_reaches_the_user_and_the_answer_comes_after_it(run: Run) -> None:
    model = ScriptedModel(script=lambda _: message(interrupt("may I?")))
    compiled = graph(adaptive_node(model, policy=Fixed(Single())), checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    (asking,) = run(compiled, ASKED, thread)["__interrupt__"]
    assert asking.value == "may I?"
    assert run(compiled, Command(resume="you may"), thread)["messages"][-1].content == "you may"


def test_a_graph_may_be_run_in_one_event_loop_after_another() -> None:
    with Loopback(ScriptedSampler(["42"] * 12)) as endpoint:
        compiled = graph(adaptive_node(openai_model(endpoint), policy=vote(3)))
        for _ in range(2):
            recorder = Recorder()
            assert decided(asyncio.run(compiled.ainvoke(ASKED, {"callbacks": [recorder]})))["samples"] == 3
            assert decided(compiled.invoke(ASKED, {"callbacks": [recorder]}))["samples"] == 3
            assert len(recorder.models) == 6


# ---------------------------------------------------------------------------------------------------- budgets


def greedy(budget: Budget, above: list[int]) -> ScriptedModel:
    """Uses all it may, and notes whenever the ledger promises more than there is."""

    def script(number: int) -> AIMessage:
        view = budget.view()
        if view.spent.tokens + view.held.tokens > view.limit.tokens:
            above.append(number)
        return message("42", prompt=10, output=20)

    return ScriptedModel(script=script)


@pytest.mark.parametrize("mode", ["threads", "tasks"])
def test_thirty_concurrent_runs_never_overspend_one_budget(mode: str) -> None:
    budget, above = Budget(2_000), list[int]()
    model = greedy(budget, above)
    compiled = graph(adaptive_node(model, policy=vote(8), budget=budget, max_tokens=20))

    async def together() -> list[Any]:
        return await asyncio.gather(*(compiled.ainvoke(ASKED) for _ in range(30)), return_exceptions=True)

    def one(_: int) -> Any:
        try:
            return compiled.invoke(ASKED)
        except BudgetExceededError as error:
            return error

    if mode == "threads":
        with ThreadPoolExecutor(30) as pool:
            results = list(pool.map(one, range(30)))
    else:
        results = asyncio.run(together())
    answered = [result for result in results if isinstance(result, dict)]
    assert all(isinstance(result, dict | BudgetExceededError) for result in results)
    assert answered
    assert above == []
    assert (budget.held.tokens, budget.overruns) == (0, 0)
    assert budget.spent.tokens == 30 * len(model.calls) <= 2_000
    assert budget.spent.tokens > 1_900  # what is left would not have paid for another call


def test_a_number_is_a_budget_for_each_invocation(run: Run) -> None:
    compiled = graph(adaptive_node(scripted("42"), policy=vote(8), budget=120, max_tokens=20))
    for _ in range(2):
        assert decided(run(compiled, ASKED))["tokens"] <= 120


def test_a_run_may_bring_its_own_budget(run: Run) -> None:
    compiled = graph(adaptive_node(scripted("42"), policy=vote(2), max_tokens=20))
    budget = Budget(1_000)
    for _ in range(2):
        run(compiled, ASKED, {"configurable": {"tts_budget": budget}})
    assert budget.spent.tokens == 60
    with pytest.raises(BudgetExceededError):
        run(compiled, ASKED, {"configurable": {"tts_budget": 5}})


def test_a_run_may_bring_its_own_budget_in_the_context(run: Run) -> None:
    @dataclass
    class Context:
        tts_budget: Budget

    node = adaptive_node(scripted("42"), policy=vote(2), max_tokens=20)
    compiled = StateGraph(MessagesState, Context).add_node("agent", node).add_edge(START, "agent").compile()
    budget = Budget(1_000)
    run(compiled, ASKED, context=Context(budget))
    assert budget.spent.tokens == 30


@dataclass
class Counting:
    """A policy that counts how often a step begins."""

    begun: int = 0

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        self.begun += 1
        return Decision(Single(), "counted")


def test_an_exhausted_budget_is_an_error_that_langgraph_does_not_retry(run: Run) -> None:
    model, policy = scripted("42"), Counting()
    builder = StateGraph(MessagesState).add_edge(START, "agent")
    builder.add_node("agent", adaptive_node(model, policy=policy, budget=5), retry_policy=RetryPolicy(max_attempts=3))
    with pytest.raises(BudgetExceededError, match="5 of the budget are left") as raised:
        run(builder.compile(), ASKED)
    assert isinstance(raised.value, BudgetExhausted)
    assert (policy.begun, model.calls) == (1, [])


def test_nor_does_the_retry_middleware_of_an_agent_that_has_the_graph_as_a_tool() -> None:
    policy = Counting()
    inner = graph(adaptive_node(scripted("42"), policy=policy, budget=5))

    @tool
    def ask(question: str) -> str:
        """Ask the inner graph."""
        return str(inner.invoke({"messages": question})["messages"][-1].content)

    calls = message("", tool_calls=[{"name": "ask", "args": {"question": "6*7?"}, "id": "1"}])
    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0.0, on_failure="error")
    agent = create_agent(scripted(calls), [ask], middleware=[retry])
    with pytest.raises(BudgetExceededError):
        agent.invoke({"messages": [HumanMessage("6*7?")]})
    assert policy.begun == 1


# ------------------------------------------------------------------------------- other models, wrong settings


@dataclass
class Echo:
    """A sampler that has nothing to do with LangChain."""

    name: str = "echo"
    requests: list[SampleRequest] = field(default_factory=list)

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        self.requests.append(request)
        said = Sample(f"you said {request.messages[-1].content}", usage=Usage(4, 3))
        return SampleBatch((said,) * n, Usage(4, 3 * n))

    def token_bound(self, request: SampleRequest) -> int:
        return 4


def test_any_sampler_can_be_the_model(run: Run) -> None:
    model = Echo()
    state = run(graph(adaptive_node(model, policy=vote(3), prompt="be brief", tools=[multiply], seed=1)), ASKED)
    answer = state["messages"][-1]
    assert answer.content == "you said 6*7?"
    assert answer.usage_metadata["total_tokens"] == 7
    assert answer.response_metadata["model_name"] == "echo"
    (request,) = model.requests
    assert [(turn.role, turn.raw) for turn in request.messages] == [("system", None), ("user", None)]
    assert request.tools[0]["function"]["name"] == "multiply"
    assert request.seed == 1


def test_every_result_is_shown_to_the_hook(run: Run) -> None:
    seen: list[Result] = []
    run(graph(adaptive_node(scripted("42"), policy=vote(3), on_result=seen.append)), ASKED)
    (result,) = seen
    assert [sample.text for sample in result.outcome.samples] == ["42"] * 3


def test_settings_reach_the_model(run: Run) -> None:
    model = scripted("42")
    run(graph(adaptive_node(model, max_tokens=30, temperature=0.7, prompt="be brief")), ASKED)
    call = model.calls[0]
    assert (call["max_tokens"], call["temperature"]) == (30, 0.7)
    assert [turn.content for turn in call["messages"]] == ["be brief", "6*7?"]


def test_the_model_s_own_limit_is_what_is_reserved() -> None:
    model, seen = scripted("42"), list[Result]()
    model.max_tokens = 20
    graph(adaptive_node(model, policy=vote(2), max_tokens=500, on_result=seen.append)).invoke(ASKED)
    (drawn,) = (event for event in seen[0].events if isinstance(event, Drawn))
    assert (drawn.granted, drawn.max_tokens) == (2, 20)


class Bare:
    """No model at all."""


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"model": Bare()}, "model"),
        ({"model": scripted("x").with_retry()}, "with_retry"),
        ({"policy": Single()}, "policy"),
        ({"estimator": Bare()}, "estimator"),
        ({"budget": 0}, "budget"),
        ({"budget": "lots"}, "budget"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages_key": ""}, "messages_key"),
        ({"tools": [multiply]}, "bind_tools"),
        ({"max_retries": -1}, "max_retries"),
    ],
)
def test_a_wrong_argument_is_one_clear_error_at_construction(arguments: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        adaptive_node(**{"model": scripted("x"), **arguments})


def test_a_state_without_the_conversation_is_an_error_that_says_so(run: Run) -> None:
    with pytest.raises(ConfigurationError, match="the state has no 'chat' but 'messages'"):
        run(graph(adaptive_node(scripted("x"), messages_key="chat")), ASKED)


def test_a_sampler_with_settings_of_its_own_is_taken_as_it_is(run: Run) -> None:
    sampler = ChatModelSampler(scripted("42"), name="mine")
    seen: list[Result] = []
    state = run(graph(adaptive_node(sampler, policy=vote(3), on_result=seen.append)), ASKED)
    assert decided(state)["samples"] == 3


def test_samples_of_synchronous_graphs_are_drawn_at_once() -> None:
    together = threading.Barrier(8, timeout=20)

    def script(_: int) -> AIMessage:
        together.wait()
        return message("42")

    state = graph(adaptive_node(ScriptedModel(script=script), policy=vote(8))).invoke(ASKED)
    assert decided(state)["samples"] == 8


# ---------------------------------------------------------------------------------------------- nodes side by side


def side_by_side(node: Any, n: int) -> Any:
    builder = StateGraph(MessagesState)
    for name in map(str, range(n)):
        builder.add_node(name, node).add_edge(START, name)
    return builder.compile()


@pytest.mark.parametrize(("n", "config"), [(2, {"max_concurrency": 2}), (2, {"max_concurrency": 1}), (24, {})])
def test_nodes_side_by_side_do_not_wait_for_each_other_s_places(run: Run, n: int, config: Any) -> None:
    """Neither of `max_concurrency` nor of LangGraph's threads does a sample take one."""
    model = scripted("42")
    state = run(side_by_side(adaptive_node(model, policy="parallel", max_samples=4), n), ASKED, config)
    assert len(state["messages"]) == 1 + n
    assert len(model.calls) == 4 * n


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_naive_tasks_of_nodes_side_by_side_wait_for_ever() -> None:
    """For comparison: each node holds a place, and its `@task`s need further ones."""
    model = scripted("42")

    @task
    async def sample() -> AIMessage:
        return await model.ainvoke("?")

    async def node(state: MessagesState) -> Any:
        return {"messages": (await asyncio.gather(*(sample() for _ in range(4))))[:1]}

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(side_by_side(node, 2).ainvoke(ASKED, {"max_concurrency": 2}), 0.5)
    assert model.calls == []
    gc.collect()  # what was never awaited says so here and not in another test
