"""One cap on whole runs: agents, their tools, summarizers and sub-agents, and nodes that reserve for themselves."""

import asyncio
import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain.agents.middleware import ModelRetryMiddleware, SummarizationMiddleware
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.outputs import LLMResult
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import RetryPolicy

from tests.nodes.models import openai_model
from tts_agent import Budget, ConfigurationError
from tts_agent.budget import SqliteStore
from tts_agent.exceptions import RateLimited, SamplerError
from tts_agent.messages import ToolCall
from tts_agent.nodes import AdaptiveChatModel, AdaptiveReasoning, adaptive_node, create_adaptive_step
from tts_agent.nodes.errors import BudgetExceededError
from tts_agent.nodes.model_calls import bill
from tts_agent.nodes.token_budget import token_budget
from tts_agent.portal import run_sync
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency
from tts_agent.testing import scripted
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import Reply, ScriptedSampler

Script = Callable[[SampleRequest, int], Reply]


class Endpoint(Loopback):
    """Knows what it would bill."""

    def __init__(self, script: Script = lambda request, index: "it is 42", **options: Any) -> None:
        self.sampler = ScriptedSampler(script, **options)
        super().__init__(self.sampler)

    @property
    def billed(self) -> int:
        return sum(sample.usage.total for sample in self.sampler.samples)

    def model(self, **fields: Any) -> ChatOpenAI:
        return openai_model(self, **{"max_tokens": 20, "max_retries": 0, **fields})


def calls(name: str, arguments: str, text: str = "") -> Sample:
    return Sample(text, "tool_calls", (ToolCall(name, arguments, "call-1"),))


def delegating(request: SampleRequest, index: int) -> Reply:
    """Calls its tool once when it is asked something, and answers everybody else."""
    last = request.messages[-1]
    return calls("ask", '{"question": "and this"}') if last.content == "research it" else "it is 42"


def researcher(model: ChatOpenAI) -> Any:
    """An agent whose tool asks the model too."""

    @tool
    def ask(question: str) -> str:
        """Ask a colleague."""
        return str(model.invoke(question).text)

    return create_agent(model, [ask])


def aresearcher(model: ChatOpenAI) -> Any:
    @tool
    async def ask(question: str) -> str:
        """Ask a colleague."""
        return str((await model.ainvoke(question)).text)

    return create_agent(model, [ask])


RESEARCH: Any = {"messages": [HumanMessage("research it")]}


def test_a_tool_that_calls_a_model_is_on_the_ledger() -> None:
    with Endpoint(delegating) as endpoint, token_budget(CheckedBudget(20_000)) as budget:
        researcher(endpoint.model()).invoke(RESEARCH)
        assert len(endpoint.requests) == budget.spent.calls == 3
        assert budget.spent.tokens == endpoint.billed


def test_the_same_in_an_asynchronous_run_and_while_streaming() -> None:
    async def both() -> None:
        async with token_budget(CheckedBudget(20_000)) as budget:
            agent = aresearcher(endpoint.model(stream_usage=True))
            await agent.ainvoke(RESEARCH)
            assert budget.spent.calls == 3
            streamed = [chunk async for chunk, _ in agent.astream(RESEARCH, stream_mode="messages")]
            assert "".join(chunk.text for chunk in streamed if chunk.type == "AIMessageChunk") == "it is 42" * 2
            assert (budget.spent.tokens, budget.spent.calls) == (endpoint.billed, 6)

    with Endpoint(delegating) as endpoint:
        run_sync(both())


def test_a_sub_agent_of_a_narrower_budget_comes_back_and_its_caller_goes_on() -> None:
    with Endpoint(delegating) as endpoint:
        model = endpoint.model()

        @tool
        def ask(question: str) -> str:
            """Ask a colleague who may not spend much."""
            with token_budget(200):
                try:
                    return str(model.invoke(question).text)
                except BudgetExceededError:
                    return "too dear"

        with token_budget(20_000) as budget:
            messages = create_agent(model, [ask]).invoke(RESEARCH)["messages"]
        assert [message.text for message in messages] == ["research it", "", "too dear", "it is 42"]
        assert budget.spent.tokens == endpoint.billed


def test_a_summarizer_s_calls_are_on_the_ledger() -> None:
    with Endpoint() as endpoint, token_budget(CheckedBudget(50_000)) as budget:
        summarizer = SummarizationMiddleware(endpoint.model(), trigger=("messages", 4), keep=("messages", 1))
        agent = create_agent(endpoint.model(), middleware=[summarizer])
        agent.invoke({"messages": [HumanMessage("hello"), HumanMessage("are"), HumanMessage("you"), HumanMessage("?")]})
        assert len(endpoint.requests) == budget.spent.calls == 2
        assert budget.spent.tokens == endpoint.billed


def test_every_call_of_a_deep_agent_and_its_sub_agents_is_on_the_ledger() -> None:
    def script(request: SampleRequest, index: int) -> Reply:
        said = [message.content for message in request.messages if message.role != "system"]
        if said == ["research it"]:
            return calls("task", '{"description": "look it up", "subagent_type": "general-purpose"}')
        return "it is 42"

    with Endpoint(script) as endpoint, token_budget(CheckedBudget(500_000)) as budget:
        agent = create_deep_agent(model=endpoint.model())
        messages = agent.invoke(RESEARCH)["messages"]
        assert messages[-1].text == "it is 42"
        assert len(endpoint.requests) == budget.spent.calls == 3
        assert budget.spent.tokens == endpoint.billed


def test_a_node_that_reserves_for_itself_counts_once() -> None:
    policy = Fixed(SelfConsistency(FixedSize(3)))
    with Endpoint() as endpoint, token_budget(CheckedBudget(20_000)) as budget:
        adaptive = adaptive_node(endpoint.model(), policy=policy)
        adaptive.invoke(RESEARCH)
        run_sync(adaptive.ainvoke(RESEARCH))
        assert len(endpoint.requests) == budget.spent.calls == 6
        assert budget.spent.tokens == endpoint.billed
        endpoint.model().invoke("hello")
        assert budget.spent.tokens == endpoint.billed


def test_a_node_on_a_ledger_of_its_own_is_on_both() -> None:
    own = Budget(20_000)
    with Endpoint() as endpoint, token_budget(CheckedBudget(20_000)) as budget:
        adaptive_node(endpoint.model(), budget=own).invoke(RESEARCH)
        assert own.spent.tokens == budget.spent.tokens == endpoint.billed > 0


# ------------------------------------------------------------------------------------------- the reserve for the end


def report(endpoint: Endpoint, writer: Any = None) -> Any:
    """A graph that works until it is stopped, and then writes, as research agents do; by the node `writer` if given."""
    model = endpoint.model()

    def work(state: MessagesState) -> dict[str, Any]:
        try:
            while True:
                model.invoke(f"{random.random()}")
        except BudgetExceededError:
            return {}

    def write(state: MessagesState) -> dict[str, Any]:
        return {
            "messages": [
                create_agent(model).invoke(
                    {"messages": [HumanMessage("write the whole report in your own words, please")]}
                )["messages"][-1]
            ]
        }

    graph = StateGraph(MessagesState)
    graph.add_node("work", work)
    graph.add_node("write", writer or write)
    graph.add_edge(START, "work")
    graph.add_edge("work", "write")
    graph.add_edge("write", END)
    return graph.compile()


def test_the_final_nodes_have_a_reserve_that_nobody_else_spends() -> None:
    with Endpoint() as endpoint:
        with token_budget(CheckedBudget(700, reserve_final=400), final_nodes=["write"]) as budget:
            assert report(endpoint).invoke(RESEARCH)["messages"][-1].text == "it is 42"
        assert budget.spent.tokens == endpoint.billed <= 700
        with token_budget(700, reserve_final=400), pytest.raises(BudgetExceededError):
            report(endpoint).invoke(RESEARCH)


def by_agent(model: Any, **settings: Any) -> Any:
    reasoning = AdaptiveReasoning(policy="parallel", max_samples=2, exit_behavior="error", **settings)
    return create_agent(model, middleware=[reasoning])


def by_agent_with_a_limit(model: Any) -> Any:
    return by_agent(model, budget=1100)


def by_agent_inside(model: Any) -> Any:
    agent = by_agent(model)
    return lambda state: {"messages": agent.invoke(state)["messages"][-1:]}


def by_chat_model(model: Any) -> Any:
    adaptive = AdaptiveChatModel(model, policy="parallel", max_samples=2)
    return lambda state: {"messages": [adaptive.invoke(state["messages"])]}


def by_node(model: Any) -> Any:
    return adaptive_node(model, policy="parallel", max_samples=2)


def by_probing_node(model: Any) -> Any:
    return adaptive_node(model, policy="auto", max_samples=2)


def by_graph(model: Any) -> Any:
    return create_adaptive_step(model, policy="parallel", max_samples=2).compile()


@pytest.mark.parametrize(
    "writer", [by_agent, by_agent_with_a_limit, by_agent_inside, by_chat_model, by_node, by_probing_node, by_graph]
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_so_has_whatever_draws_samples_in_a_final_node(writer: Callable[[Any], Any], asynchronous: bool) -> None:
    """Its calls are reserved before the guard hears of them: the node's name has to count there too."""

    asked = {"messages": [HumanMessage("write the whole report, please " * 10)]}

    def run(graph: Any) -> Any:
        return run_sync(graph.ainvoke(asked)) if asynchronous else graph.invoke(asked)

    with Endpoint() as endpoint:
        with token_budget(CheckedBudget(1500, reserve_final=1200), final_nodes=["write"]) as budget:
            assert run(report(endpoint, writer(endpoint.model())))["messages"][-1].text == "it is 42"
        assert budget.spent.tokens == endpoint.billed <= 1500
        with token_budget(1500, reserve_final=1200, final_nodes=["read"]), pytest.raises(BudgetExceededError):
            run(report(endpoint, writer(endpoint.model())))


# ------------------------------------------------------------------------------------------------- who repeats refusals


def test_graphs_and_retrying_middleware_do_not_repeat_a_refusal() -> None:
    with Endpoint() as endpoint, token_budget(100):
        tries: list[int] = []

        def ask(state: MessagesState) -> dict[str, Any]:
            tries.append(1)
            return {"messages": [endpoint.model().invoke(state["messages"])]}

        graph = StateGraph(MessagesState)
        graph.add_node("ask", ask, retry_policy=RetryPolicy(initial_interval=0.0))
        graph.add_edge(START, "ask")
        with pytest.raises(BudgetExceededError):
            graph.compile().invoke(RESEARCH)
        agent = create_agent(endpoint.model(), middleware=[ModelRetryMiddleware(initial_delay=0.0)])
        with pytest.raises(BudgetExceededError):
            agent.invoke(RESEARCH)
        assert len(tries) == 1
        assert endpoint.requests == []


def test_with_retry_repeats_a_refusal_and_spends_nothing() -> None:
    with Endpoint() as endpoint, token_budget(100) as budget:
        retrying = endpoint.model().with_retry(stop_after_attempt=3, wait_exponential_jitter=False)
        with pytest.raises(BudgetExceededError):
            retrying.invoke("hello")
        assert endpoint.requests == []
        assert budget.held.tokens == budget.spent.tokens == 0


def test_fallbacks_are_on_the_ledger_too() -> None:
    def script(request: SampleRequest, index: int) -> Reply:
        return SamplerError("down") if request.max_tokens == 20 else "it is 42"

    with Endpoint(script) as endpoint, token_budget(CheckedBudget(5000)) as budget:
        reply = endpoint.model().with_fallbacks([endpoint.model(max_tokens=30)]).invoke("hello")
        assert reply.text == "it is 42"
        assert budget.spent.calls == 2


# ------------------------------------------------------------------------------------------------------------ the cap


class CountAfterwards(BaseCallbackHandler):
    """The obvious limit: look at what was spent, and add to it when a call comes back."""

    raise_error = True

    def __init__(self, limit: int) -> None:
        self.left = limit

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        if self.left <= 0:
            raise BudgetExceededError("spent")

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        billed = bill(response)
        self.left -= billed.total if billed else 0


def failing(number: int) -> scripted.Fault | None:
    """Every fourth call is refused, and of the others every fifth breaks."""
    if number % 4 == 3:
        return scripted.Fault(error=RateLimited("slow down"))
    return scripted.Fault(error=SamplerError("broken")) if number % 5 == 4 else None


async def forty_agents(endpoint: Endpoint, **config: Any) -> None:
    """Whose tools call models, and some of which are cancelled."""
    agent = aresearcher(endpoint.model())
    running = [asyncio.create_task(agent.ainvoke(RESEARCH, config)) for _ in range(40)]
    for task in running[::7]:
        asyncio.get_running_loop().call_later(0.2, task.cancel)
    await asyncio.gather(*running, return_exceptions=True)


@pytest.mark.parametrize("limit", [6_000, 20_000])
def test_nothing_overspends_whatever_goes_wrong_with_forty_agents_at_once(limit: int) -> None:
    async def guarded(endpoint: Endpoint) -> None:
        async with token_budget(CheckedBudget(limit)) as budget:
            await forty_agents(endpoint)
        assert 0 < endpoint.billed <= budget.spent.tokens <= limit
        assert (budget.held.tokens, budget.overruns) == (0, 0)

    with Endpoint(delegating, faults=failing, latency=0.01) as endpoint:
        run_sync(guarded(endpoint))


def test_a_count_that_is_added_to_afterwards_overspends_on_the_same_traffic() -> None:
    with Endpoint(delegating, faults=failing, latency=0.3) as endpoint:  # all are asked before the first is answered
        run_sync(forty_agents(endpoint, callbacks=[CountAfterwards(30)]))
    assert endpoint.billed > 30


def test_after_many_cancelled_and_failed_calls_nothing_is_held_and_the_next_is_answered() -> None:
    async def live(endpoint: Endpoint) -> None:
        async with token_budget(CheckedBudget(50_000)) as budget:
            model = endpoint.model()
            for _ in range(10):
                running = [asyncio.create_task(model.ainvoke("hello")) for _ in range(8)]
                await asyncio.sleep(0.02)
                for task in running[::2]:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
            await asyncio.sleep(0)
            assert budget.held.tokens == 0
        with token_budget(500):
            assert (await model.ainvoke("hello")).text == "it is 42"

    with Endpoint(faults=lambda number: failing(number) if number < 40 else None, latency=0.01) as endpoint:
        run_sync(live(endpoint))


def test_a_ledger_in_a_store_is_asked_off_the_event_loop(tmp_path: Path) -> None:
    shared = Budget(60_000, store=SqliteStore(tmp_path / "ledgers.db", "task"))

    async def agents() -> None:
        async with token_budget(shared):
            await forty_agents(endpoint)

    with Endpoint(delegating, faults=failing, latency=0.01) as endpoint:
        run_sync(agents())
        assert 0 < endpoint.billed <= shared.spent.tokens <= 60_000
        assert shared.held.tokens == 0


# ------------------------------------------------------------------------------------------------------- construction


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"limit": 0}, "limit of a token_budget is 0"),
        ({"limit": "many"}, "limit of a token_budget is 'many'"),
        ({"limit": 100, "reserve_final": 100}, "below the 100 tokens"),
        ({"limit": None, "reserve_final": 50}, "number of tokens"),
        ({"limit": Budget(100), "reserve_final": 50}, "number of tokens"),
        ({"limit": 100, "calls": 0}, "calls is 0: give a whole number of at least 1"),
        ({"limit": 100, "calls": "3"}, "calls is '3'"),
        ({"limit": None, "seconds": -1.0}, "buys nothing"),
        ({"limit": None, "money": "1 $"}, r"money is '1 \$'"),
        ({"limit": 100, "reserve_final": "half"}, "reserve_final is 'half'"),
        ({"limit": 100, "money": 1, "tariffs": {"model": 3}}, "a tts_agent.budget.Tariff for each name"),
        ({"limit": 100, "max_output_tokens": 0}, "max_output_tokens is 0"),
        ({"limit": 100, "final_nodes": "writer"}, r"\('writer',\)"),
        ({"limit": 100, "final_nodes": [len]}, "a tuple of names of graph nodes"),
        ({"limit": 100, "final_nodes": 3}, "a tuple of names of graph nodes"),
    ],
)
def test_wrong_settings_are_refused_at_construction(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        token_budget(**arguments)


def test_one_object_guards_one_run_at_a_time() -> None:
    guard = token_budget(100)
    with guard as first, pytest.raises(ConfigurationError, match="in use"), guard:
        pass
    with guard as second:
        assert second is not first


def test_limits_beside_a_shared_budget_narrow_it() -> None:
    shared = Budget(1000)
    with token_budget(shared) as same:
        assert same is shared
    with token_budget(shared, calls=3) as narrower:
        assert narrower.inside(shared)
        assert narrower.limit.calls == 3


def test_threads_without_their_caller_s_context_are_outside() -> None:
    """The known gap: nothing tells such a thread that there is a budget. Copy the context, or pass the config on."""
    with Endpoint() as endpoint, token_budget(1000) as budget:
        thread = threading.Thread(target=lambda: endpoint.model().invoke("hello"))
        thread.start()
        thread.join()
        assert (budget.spent.calls, len(endpoint.requests)) == (0, 1)
