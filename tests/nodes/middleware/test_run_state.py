"""What the state keeps: private, bounded, and never less than was known."""

import operator
from typing import Annotated, Any, NotRequired

from hypothesis import given
from hypothesis import strategies as st
from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import AgentState, ExtendedModelResponse, PrivateStateAttr
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tests.nodes.middleware.agents import ASKED, Run, agent, proposes, serving
from tts_agent.budget import Amount, Steps
from tts_agent.nodes import AdaptiveReasoning
from tts_agent.nodes.middleware.run_state import LOG, LONGEST_LOG, RUN, appended, begun, latest, spent, steps, update

AMOUNTS = st.builds(Amount, st.integers(0, 1000), st.integers(0, 10))
THREAD: Any = {"configurable": {"thread_id": "1"}}


@given(st.lists(AMOUNTS, min_size=1))
def test_of_one_run_the_most_that_was_ever_known_holds(amounts: list[Amount]) -> None:
    run = state = begun()
    for amount in amounts:
        state = latest(state, update(run, amount, Steps())[RUN])
    assert state["id"] == run["id"]
    assert spent(state) == Amount(max(each.tokens for each in amounts), max(each.calls for each in amounts))


@given(st.permutations(range(4)))
def test_of_one_run_the_most_steps_that_were_ever_known_hold(order: list[int]) -> None:
    run, known = begun(), [Steps()]
    for _ in range(3):
        known.append(known[-1].saw("plan", Amount(100, 2)))
    state = run
    for number in order:
        state = latest(state, update(run, Amount(), known[number])[RUN])
    assert steps(state) == known[-1]
    assert steps({"id": run["id"], "spent": run["spent"]}) == Steps(), "a record of an earlier release has none"


def test_another_run_starts_from_nothing() -> None:
    old, new = begun(), begun()
    assert latest(update(old, Amount(100, 2), Steps().saw("plan", Amount(100, 2)))[RUN], new) == new
    assert latest({}, new) == new
    assert spent(new) == Amount()


@given(st.integers(0, 2 * LONGEST_LOG), st.integers(0, 3))
def test_the_log_keeps_the_end(known: int, further: int) -> None:
    log = appended([{"step": number} for number in range(known)], [{"step": -1}] * further)
    assert len(log) <= LONGEST_LOG
    assert log[len(log) - further :] == [{"step": -1}] * further


def test_the_state_mirrors_the_ledger_and_nobody_sees_it(run: Run) -> None:
    with serving(proposes('{"a": 6, "b": 7}'), "it is 42") as endpoint:
        reasoning = AdaptiveReasoning(policy="parallel", max_samples=2, budget=10_000)
        graph = agent(endpoint, reasoning, checkpointer=InMemorySaver())
        state = run(graph, ASKED, THREAD)
        kept = graph.get_state(THREAD).values
        assert set(state) == {"messages"}
        billed = sum(message.usage_metadata["total_tokens"] for message in state["messages"] if message.type == "ai")
        assert spent(kept[RUN]) == Amount(2 * billed, 4)
        assert [step["kind"] for step in kept[LOG]] == ["user turn", "tool results"]


def test_a_reducer_that_does_not_come_last_loses_what_was_spent() -> None:
    """For comparison: LangGraph reads the last annotation only."""

    def spending(*annotations: Any) -> Any:
        class State(AgentState[Any]):
            spent: NotRequired[Annotated[int, *annotations]]

        class Naive(AgentMiddleware[Any, Any, Any]):
            state_schema = State

            def wrap_model_call(self, request: Any, handler: Any) -> Any:
                return ExtendedModelResponse(handler(request), Command(update={"spent": 60}))

        with serving(proposes('{"a": 6, "b": 7}'), "it is 42") as endpoint:
            graph = agent(endpoint, Naive(), checkpointer=InMemorySaver())
            graph.invoke(ASKED, THREAD)
            return graph.get_state(THREAD).values["spent"]

    assert spending(PrivateStateAttr, operator.add) == 120
    assert spending(operator.add, PrivateStateAttr) == 60
