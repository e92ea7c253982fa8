"""Among other middleware: retries, fallbacks, summaries, interrupts, and what comes behind."""

import threading
from typing import Any

import pytest
from langchain.agents.middleware import (
    AgentMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
)
from langchain.agents.middleware.types import AgentState, ExtendedModelResponse
from langchain_core.caches import InMemoryCache
from langchain_core.globals import set_llm_cache
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.types import Command, interrupt

from tests.nodes.middleware.agents import ASKED, Run, agent, client, decided, proposes, serving
from tts_agent import Budget
from tts_agent.nodes import AdaptiveReasoning, BudgetExceededError
from tts_agent.probability import Beta
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

THREAD: Any = {"configurable": {"thread_id": "1"}}


def voting(n: int, **settings: Any) -> AdaptiveReasoning:
    return AdaptiveReasoning(policy="parallel", max_samples=n, **settings)


class Noting(AgentMiddleware[Any, Any, Any]):
    """Writes a key that has no reducer, as a `Command`, for every call it wraps."""

    class State(AgentState[Any]):
        note: str

    state_schema = State

    def wrap_model_call(self, request: Any, handler: Any) -> Any:
        return ExtendedModelResponse(handler(request), Command(update={"note": "called"}))

    async def awrap_model_call(self, request: Any, handler: Any) -> Any:
        return ExtendedModelResponse(await handler(request), Command(update={"note": "called"}))


def test_in_front_of_it_others_may_do_what_they_like_once_a_step(run: Run) -> None:
    with serving("it is 42") as endpoint:
        assert run(agent(endpoint, Noting(), voting(3)), ASKED)["note"] == "called"


def test_naively_wrapping_others_multiplies_their_updates(run: Run) -> None:
    """For comparison: what is refused unless somebody insists."""
    with serving("it is 42") as endpoint:
        graph = agent(endpoint, voting(8, innermost=False), Noting(), tools=[])
        with pytest.raises(InvalidUpdateError):
            [run(graph, ASKED) for _ in range(20)]  # the commands of calls that overlap pile up


def test_harmless_middleware_may_be_behind_if_that_is_said(run: Run) -> None:
    class Harmless(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return handler(request)

        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            return await handler(request)

    with serving("it is 42") as endpoint:
        state = run(agent(endpoint, voting(3, innermost=False), Harmless()), ASKED)
    assert decided(state)["votes"] == [3]


def test_middleware_without_model_calls_may_be_anywhere(run: Run) -> None:
    class Watching(AgentMiddleware[Any, Any, Any]):
        def after_model(self, state: Any, runtime: Any) -> None:
            return None

    with serving("it is 42") as endpoint:
        assert decided(run(agent(endpoint, voting(3), Watching()), ASKED))["votes"] == [3]


def test_retries_around_it_repeat_the_step_on_the_ledger(run: Run) -> None:
    budget = Budget(100_000)
    with serving("it is 42", faults=[Fault(status=500)] * 2) as endpoint:
        retry = ModelRetryMiddleware(max_retries=2, initial_delay=0.0, jitter=False)
        reasoning = voting(2, budget=budget, max_retries=0, max_tokens=1_000)
        state = run(agent(endpoint, retry, reasoning), ASKED)
    assert state["messages"][-1].content == "it is 42"
    assert budget.spent.tokens > 2 * 1_000 + decided(state)["tokens"]  # nobody knows what a 500 cost


def test_an_exhausted_budget_is_not_retried(run: Run) -> None:
    """LangChain repeats and swallows whatever it does not know."""
    results: list[Any] = []
    with serving("it is 42") as endpoint:
        retry = ModelRetryMiddleware(max_retries=3, initial_delay=0.0)
        reasoning = AdaptiveReasoning(budget=20, exit_behavior="error", on_result=results.append)
        with pytest.raises(BudgetExceededError):
            run(agent(endpoint, retry, reasoning), ASKED)
    assert (endpoint.requests, results) == ([], [])


def test_naive_budget_errors_are_retried_and_become_answers() -> None:
    """For comparison."""
    tries: list[int] = []

    class Naive(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            tries.append(1)
            raise RuntimeError("no budget")

    with serving("it is 42") as endpoint:
        retry = ModelRetryMiddleware(max_retries=3, initial_delay=0.0)
        state = agent(endpoint, retry, Naive()).invoke(ASKED)
    assert len(tries) == 4
    assert "no budget" in state["messages"][-1].content


def test_fallbacks_are_on_the_ledger_too(run: Run) -> None:
    budget = Budget(100_000)
    with serving("it is 42", faults=[Fault(status=401)] * 2) as endpoint, serving("it is 43") as other:
        fallback = ModelFallbackMiddleware(client(other))
        state = run(agent(endpoint, fallback, voting(2, budget=budget)), ASKED)
    assert state["messages"][-1].content == "it is 43"
    assert (len(endpoint.requests), len(other.requests)) == (2, 2)
    assert budget.spent.tokens == decided(state)["tokens"]


def conversation(*middleware: Any) -> int:
    """How often a long conversation is summarized."""
    summaries = 0

    def script(request: Any, _: int) -> str:
        nonlocal summaries
        summaries += "context" in request.messages[-1].content.lower()
        return "it is 42 " * 10

    with Loopback(ScriptedSampler(script)) as endpoint:
        summary = SummarizationMiddleware(client(endpoint), trigger=("tokens", 150), keep=("messages", 2))
        graph = agent(endpoint, summary, *middleware, tools=[], checkpointer=InMemorySaver())
        for _ in range(3):
            graph.invoke({"messages": [HumanMessage("And now?")]}, THREAD)
    return summaries


def test_summaries_come_no_sooner_than_for_one_call() -> None:
    """The usage on the last message is taken for the length of the conversation."""

    class Naive(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            response, *others = [handler(request) for _ in range(8)]
            usage = response.result[0].usage_metadata
            for other in others:
                for name in ("input_tokens", "output_tokens", "total_tokens"):
                    usage[name] += other.result[0].usage_metadata[name]
            return response

    assert conversation(voting(8)) == conversation() == 0
    assert conversation(Naive()) > 0


def test_an_interrupt_in_a_tool_does_not_sample_again(run: Run) -> None:
    @tool
    def ask(question: str) -> str:
        """Ask the user."""
        return str(interrupt(question))

    with serving(proposes('{"question": "which?"}', "ask"), "it is 42") as endpoint:
        graph = agent(endpoint, voting(3), tools=[ask], checkpointer=InMemorySaver())
        (asking,) = run(graph, ASKED, THREAD)["__interrupt__"]
        assert asking.value == "which?"
        state = run(graph, Command(resume="this one"), THREAD)
    assert len(endpoint.requests) == 6
    assert state["messages"][-1].content == "it is 42"


def test_an_interrupt_in_a_model_call_reaches_the_user(run: Run) -> None:
    class Asking(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            interrupt("may I?")
            return handler(request)

        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            interrupt("may I?")
            return await handler(request)

    with serving("it is 42") as endpoint:
        reasoning = AdaptiveReasoning(policy="single", innermost=False)
        graph = agent(endpoint, reasoning, Asking(), checkpointer=InMemorySaver())
        (asking,) = run(graph, ASKED, THREAD)["__interrupt__"]
        assert asking.value == "may I?"
        assert run(graph, Command(resume="yes"), THREAD)["messages"][-1].content == "it is 42"


def test_what_others_add_to_the_request_is_kept(run: Run) -> None:
    with serving("it is 42") as endpoint:
        run(agent(endpoint, TodoListMiddleware(), voting(2), system_prompt="Be brief."), ASKED)
    for request in endpoint.requests:
        assert {offered["function"]["name"] for offered in request["tools"]} == {"multiply", "write_todos"}
        assert request["messages"][0]["role"] == "system"
        assert "write_todos" in str(request["messages"][0]["content"])


@pytest.fixture
def _cache() -> Any:
    set_llm_cache(InMemoryCache())
    yield
    set_llm_cache(None)


@pytest.mark.usefixtures("_cache")
def test_samples_do_not_come_from_the_cache(run: Run) -> None:
    """LangChain's cache would answer all of them alike."""
    budget = Budget(100_000)
    with serving(["it is 41", "it is 42", "it is 42"]) as endpoint:
        state = run(agent(endpoint, voting(3, budget=budget), tools=[]), ASKED)
    assert decided(state)["votes"] == [2, 1]
    assert budget.spent.tokens == 3 * 8


@pytest.mark.usefixtures("_cache")
def test_naive_samples_are_all_the_same_cached_one() -> None:
    """For comparison."""

    class Naive(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return [handler(request) for _ in range(3)][-1]

    with serving(["it is 41", "it is 42", "it is 42"]) as endpoint:
        state = agent(endpoint, Naive(), tools=[]).invoke(ASKED)
    assert len(endpoint.requests) == 1
    assert state["messages"][-1].content == "it is 41"


@pytest.mark.usefixtures("_cache")
def test_one_call_outright_may_come_from_the_cache_and_is_then_not_billed(run: Run) -> None:
    budget = Budget(100_000)
    with serving(["it is 42"]) as endpoint:
        graph = agent(endpoint, AdaptiveReasoning(policy="single", budget=budget), tools=[])
        question = {"messages": [HumanMessage("6*7?", id="1")]}
        assert run(graph, question)["messages"][-1].content == "it is 42"
        spent = budget.spent.tokens
        assert run(graph, question)["messages"][-1].content == "it is 42"
    assert len(endpoint.requests) == 1
    assert budget.spent.tokens == spent > 0


async def test_an_estimator_does_not_stand_in_the_way_of_the_event_loop() -> None:
    """Every other agent on that loop would stand still meanwhile."""
    loop_thread, threads = threading.get_ident(), list[int]()

    class Estimator:
        def predict(self, steps: Any) -> Any:
            threads.append(threading.get_ident())
            return [Beta(2.0, 1.0) for _ in steps]

        def update(self, step: Any, difficulty: Any, first: Any) -> Any:
            threads.append(threading.get_ident())
            return difficulty

    with serving("it is 42") as endpoint:
        state = await agent(endpoint, AdaptiveReasoning(estimator=Estimator())).ainvoke(ASKED)
    assert decided(state)["predicted"] is not None
    assert len(threads) == 2
    assert loop_thread not in threads
