"""Edges that go by predicted difficulty, in real graphs."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

from tts_agent import ConfigurationError
from tts_agent.difficulty import SampleSignals, StepText
from tts_agent.nodes import route_by_difficulty
from tts_agent.probability import Beta

BRANCHES = {"vote": 0.4, "single": 0.8, "person": 0.0}


class ByLength:
    """The longer the question, the harder; steps of the class "sums" are easy."""

    def __init__(self) -> None:
        self.asked: list[StepText] = []
        self.threads: list[threading.Thread] = []

    def predict(self, steps: Sequence[StepText]) -> Sequence[Beta]:
        self.asked += steps
        self.threads.append(threading.current_thread())
        return [Beta.of(0.99 if step.kind == "sums" else 1.0 / (1.0 + len(step.text)), 4.0) for step in steps]

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        return difficulty


def graph(edge: Any, state: Any = MessagesState) -> Any:
    builder = StateGraph(state).add_conditional_edges(START, edge)
    for name in BRANCHES:
        builder.add_node(name, lambda _, name=name: {"messages": [AIMessage(name)]})
    return builder.compile()


@pytest.mark.parametrize(("question", "node"), [("", "person"), ("1?", "person"), ("?", "vote"), ("x" * 9, "person")])
@pytest.mark.parametrize("mode", ["sync", "async"])
def test_the_branch_is_the_highest_whose_level_the_prediction_reaches(mode: str, question: str, node: str) -> None:
    asked = {"messages": [HumanMessage(question or "??")]}
    compiled = graph(route_by_difficulty(ByLength(), BRANCHES))
    state = compiled.invoke(asked) if mode == "sync" else asyncio.run(compiled.ainvoke(asked))
    assert state["messages"][-1].content == node


def test_the_class_of_the_step_counts() -> None:
    class Work(MessagesState):
        task: str

    compiled = graph(route_by_difficulty(ByLength(), BRANCHES, kind=lambda state: state["task"]), Work)
    asked = {"messages": [HumanMessage("a long question")]}
    assert compiled.invoke({**asked, "task": "sums"})["messages"][-1].content == "single"
    assert compiled.invoke({**asked, "task": "proofs"})["messages"][-1].content == "person"


def test_the_estimator_is_told_what_the_step_shows() -> None:
    estimator = ByLength()
    route_by_difficulty(estimator, BRANCHES, model="m", kind="k")({"messages": [("system", "be brief"), ("user", "?")]})
    assert estimator.asked == [StepText("?", "k", "m", 0, 2)]


def test_the_estimator_runs_off_the_event_loop() -> None:
    estimator = ByLength()
    asyncio.run(graph(route_by_difficulty(estimator, BRANCHES)).ainvoke({"messages": [HumanMessage("?")]}))
    assert estimator.threads
    assert threading.main_thread() not in estimator.threads


def test_the_branches_are_drawn() -> None:
    edges = graph(route_by_difficulty(ByLength(), BRANCHES)).get_graph().edges
    assert {edge.target for edge in edges if edge.source == "__start__"} == set(BRANCHES)


@pytest.mark.parametrize(
    "branches",
    [
        {},
        {"a": 0.5},
        {"a": 0.0, "b": 0.0},
        {"a": 0.0, "b": 1.5},
        {"a": -0.1, "b": 0.0},
        {"a": 0.0, "b": float("nan")},
        {"a": 0.0, "b": "hard"},
        ["a", "b"],
        None,
    ],
    ids=str,
)
def test_branches_that_leave_a_gap_or_overlap_are_refused(branches: Any) -> None:
    with pytest.raises(ConfigurationError, match="least pass@1"):
        route_by_difficulty(ByLength(), branches)


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        ({"estimator": object()}, r"no method predict\(\)"),
        ({"estimator": None}, "estimator is None"),
        ({"model": 3}, "model is 3: give its name"),
        ({"kind": 3}, "kind is 3"),
        ({"messages_key": ""}, "messages_key is ''"),
    ],
)
def test_a_wrong_argument_is_one_clear_error_at_construction(arguments: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ConfigurationError, match=wrong):
        route_by_difficulty(**{"estimator": ByLength(), "branches": BRANCHES, **arguments})


def test_a_state_without_the_conversation_is_an_error_that_says_so() -> None:
    with pytest.raises(ConfigurationError, match="the state has no 'chat'"):
        graph(route_by_difficulty(ByLength(), BRANCHES, messages_key="chat")).invoke({"messages": [("user", "?")]})
