"""A paced budget under real graphs: every door decides at the price, and every step is counted once."""

from collections.abc import Callable, Iterator
from operator import add
from pathlib import Path
from typing import Annotated, Any, TypedDict

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AnyMessage, HumanMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph

from tests.nodes.models import openai_model
from tts_agent import Budget, ConfigurationError
from tts_agent.budget import SqliteStore
from tts_agent.messages import ToolCall
from tts_agent.nodes import (
    METADATA_KEY,
    AdaptiveChatModel,
    AdaptiveReasoning,
    BudgetExceededError,
    adaptive_node,
    create_adaptive_step,
    expect_steps,
    token_budget,
)
from tts_agent.routing import Pace
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

LENGTH = 6
QUESTION = "a " * 80
"""80 tokens to the scripted model; its answers have 20."""


@pytest.fixture
def endpoint() -> Iterator[Loopback]:
    """Says something else each time, so that votes go on for as long as they are worth their price."""
    counter = iter(range(10**6))
    with Loopback(ScriptedSampler(lambda request, index: f"{next(counter)}" + " a" * 19)) as served:
        yield served


def chain(step: Any) -> Any:
    """A graph that runs the step LENGTH times, each time on a fresh question."""

    class State(TypedDict):
        messages: list[AnyMessage]
        done: Annotated[list[int], add]

    graph = StateGraph(State)
    graph.add_node("ask", lambda state: {"messages": [HumanMessage(f"{len(state['done'])}: {QUESTION}")]})
    graph.add_node("answer", step)
    graph.add_node("note", lambda state: {"done": [state["messages"][-1].response_metadata[METADATA_KEY]["tokens"]]})
    graph.add_edge(START, "ask").add_edge("ask", "answer").add_edge("answer", "note")
    graph.add_conditional_edges("note", lambda state: END if len(state["done"]) == LENGTH else "ask")
    return graph.compile()


def node(endpoint: Loopback) -> Any:
    return adaptive_node(openai_model(endpoint), max_tokens=60)


def step_graph(endpoint: Loopback) -> Any:
    return create_adaptive_step(openai_model(endpoint), max_tokens=60).compile()


def chat_model(endpoint: Loopback) -> Any:
    model = AdaptiveChatModel(openai_model(endpoint), max_tokens=60)
    return lambda state: {"messages": [model.invoke(state["messages"])]}


Door = Callable[[Loopback], Any]
DOORS = pytest.mark.parametrize("door", [node, step_graph, chat_model])


def tokens_per_step(door: Door, endpoint: Loopback, budget: token_budget) -> list[int]:
    with budget:
        done: list[int] = chain(door(endpoint)).invoke({"messages": [], "done": []}, {"recursion_limit": 100})["done"]
    return done


@DOORS
def test_a_task_that_would_run_dry_comes_to_its_end_at_the_pace(door: Door, endpoint: Loopback) -> None:
    with pytest.raises(BudgetExceededError):
        tokens_per_step(door, endpoint, token_budget(2_200))
    done = tokens_per_step(door, endpoint, token_budget(2_200, pace=Pace(LENGTH)))
    assert len(done) == LENGTH
    assert sum(done) <= 2_200


@DOORS
def test_each_step_is_counted_once_by_its_class(door: Door, endpoint: Loopback) -> None:
    with token_budget(10**6, pace=Pace(LENGTH)) as budget:
        done = chain(door(endpoint)).invoke({"messages": [], "done": []}, {"recursion_limit": 100})["done"]
        (total,) = budget.steps.done.values()
    assert (total.steps, total.tokens) == (LENGTH, sum(done))
    assert total.calls == budget.spent.calls


def test_calls_of_models_that_are_not_adaptive_are_steps_of_their_node(endpoint: Loopback) -> None:
    model = openai_model(endpoint, max_tokens=50)
    graph = StateGraph(MessagesState).add_node("reader", lambda state: {"messages": [model.invoke(state["messages"])]})
    with token_budget(10_000, pace=Pace(3)) as budget:
        graph.add_edge(START, "reader").compile().invoke({"messages": [HumanMessage(QUESTION)]})
        assert {kind: total.steps for kind, total in budget.steps.done.items()} == {"reader": 1}
        assert budget.steps.done["reader"].tokens == budget.spent.tokens


def test_a_node_that_plans_says_how_many_steps_are_to_come(endpoint: Loopback) -> None:
    def plan(state: MessagesState) -> dict[str, Any]:
        expect_steps(100)
        return {}

    def run(*before: Callable[..., Any]) -> int:
        graph = StateGraph(MessagesState).add_node("answer", node(endpoint))
        for each in before:
            graph.add_node("plan", each).add_edge("plan", "answer")
        graph.add_edge(START, "plan" if before else "answer")
        with token_budget(9_000, pace=Pace(4)) as budget:
            graph.compile().invoke({"messages": [HumanMessage(QUESTION)]})
            return budget.spent.calls

    assert run(plan) < run()


def test_without_a_token_budget_there_is_nobody_to_tell() -> None:
    with pytest.raises(ConfigurationError, match="inside a token_budget"):
        expect_steps(3)


@pytest.mark.parametrize("ahead", [-1, 1.5, {"reading": -1}, {"reading": "two"}])
def test_what_is_no_number_of_steps_is_refused(ahead: Any) -> None:
    with token_budget(1_000), pytest.raises(ConfigurationError, match="whole number"):
        expect_steps(ahead)


def test_processes_on_one_stored_ledger_go_by_one_pace(endpoint: Loopback, tmp_path: Path) -> None:
    def opened() -> Budget:
        return Budget(2_200, store=SqliteStore(tmp_path / "ledger.db", key="run"), pace=Pace(LENGTH))

    calls = []
    for turn in range(LENGTH):  # as if each step were another process's
        with token_budget(opened()):
            state = node(endpoint).invoke({"messages": [HumanMessage(f"{turn}: {QUESTION}")]})
            calls.append(state["messages"][-1].response_metadata[METADATA_KEY]["calls"])
    assert opened().steps.total == LENGTH
    assert opened().spent.calls == sum(calls) > LENGTH


@tool
def look(place: str) -> str:
    """Look somewhere."""
    return "nothing there"


def looking(request: SampleRequest, index: int) -> Sample | str:
    looked = sum(message.role == "tool" for message in request.messages)
    if looked < LENGTH - 1 and request.tools:
        return Sample("", "tool_calls", (ToolCall("look", f'{{"place": "{looked} {index}"}}', f"call-{looked}"),))
    return f"{index}" + " a" * 19


def test_an_agents_run_is_paced_and_a_resumed_one_goes_on_where_it_stood() -> None:
    thread: dict[str, Any] = {"configurable": {"thread_id": "1"}, "recursion_limit": 100}
    with Loopback(ScriptedSampler(looking)) as endpoint:
        saver = InMemorySaver()

        def agent(**options: Any) -> Any:
            """Made anew, with ledgers that know nothing."""
            reasoning = AdaptiveReasoning(budget=20_000, max_tokens=60, pace=Pace(LENGTH))
            return create_agent(openai_model(endpoint), [look], middleware=[reasoning], checkpointer=saver, **options)

        agent(interrupt_before=["tools"]).invoke({"messages": QUESTION}, thread)
        state = agent().invoke(None, thread)
    records = [
        message.response_metadata[METADATA_KEY]
        for message in state["messages"]
        if METADATA_KEY in message.response_metadata
    ]
    kept = agent().get_state(thread).values["tts_agent_run"]["steps"]["done"]
    assert sum(steps for steps, *_ in kept.values()) == len(records) == LENGTH
    assert sum(tokens for _, _, tokens, _ in kept.values()) == sum(record["tokens"] for record in records)


def test_what_is_no_pace_is_refused_at_once() -> None:
    def agent(budget: int, **pace: Any) -> Any:
        return AdaptiveReasoning(budget=budget, **pace)

    makers: tuple[Callable[..., Any], ...] = (token_budget, agent)
    for make in makers:
        with pytest.raises(ConfigurationError, match="pace is 12"):
            make(60_000, pace=12)


@DOORS
def test_a_budget_too_small_for_the_plan_is_refused_before_the_first_call(door: Door, endpoint: Loopback) -> None:
    with pytest.raises(BudgetExceededError, match="the smallest budget that would do is 3000 tokens") as refused:
        tokens_per_step(door, endpoint, token_budget(2_000, pace=Pace(LENGTH, least=500)))
    assert refused.value.least == 3_000
    assert not endpoint.requests


def test_an_agents_budget_too_small_for_the_plan_is_refused_even_for_a_last_answer(endpoint: Loopback) -> None:
    reasoning = AdaptiveReasoning(budget=2_000, max_tokens=60, pace=Pace(LENGTH, least=500))
    agent = create_agent(openai_model(endpoint), [look], middleware=[reasoning])
    with pytest.raises(BudgetExceededError) as refused:
        agent.invoke({"messages": [HumanMessage(QUESTION)]})
    assert refused.value.least == 3_000
    assert not endpoint.requests


def test_sub_agents_get_their_minimum_and_what_they_leave_the_next_may_spend(endpoint: Loopback) -> None:
    model = openai_model(endpoint, max_tokens=50)

    def ask(number: int) -> None:
        model.invoke(f"{number}: {QUESTION}")

    with token_budget(2_000) as run:
        with token_budget(1_500, least=600) as mine, token_budget(run, least=600) as other:
            assert mine.view().remaining.tokens == 1_400
            assert run.view().remaining.tokens == 800
            ask(1)
            assert other.spent.calls == 1
        assert run.view().remaining.tokens == 2_000 - run.spent.tokens
        with pytest.raises(BudgetExceededError, match="cannot be promised"), token_budget(least=2_000, limit=None):
            ask(2)
    with pytest.raises(ConfigurationError, match="kept by the budget around"), token_budget(500, least=100):
        ask(3)
