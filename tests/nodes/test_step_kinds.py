"""Classes of steps, read off real graphs and agents."""

from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langgraph.graph import START, MessagesState, StateGraph

from tests.nodes.models import ScriptedModel, message
from tts_agent import ConfigurationError, Result
from tts_agent.nodes import AdaptiveReasoning, StepKinds, adaptive_node

ASKED = {"messages": [HumanMessage("6*7?")]}


def kind_in(node: str, kinds: StepKinds) -> str:
    seen: list[Result] = []
    step = adaptive_node(
        ScriptedModel(script=lambda _: message("42")), policy="single", kind=kinds, on_result=seen.append
    )
    graph: Any = StateGraph(MessagesState).add_node(node, step).add_edge(START, node).compile()
    graph.invoke(ASKED)
    return seen[0].step.kind


@pytest.mark.parametrize(
    ("node", "kind"),
    [
        ("plan", "plan"),
        ("writeQueries", "query writing"),
        ("read_documents", "reading"),
        ("contradiction_check", "check"),
        ("write_report", "synthesis"),
        ("supervisor", "tool choice"),
        ("agent", "user turn"),
    ],
)
def test_a_nodes_name_tells_its_class(node: str, kind: str) -> None:
    assert kind_in(node, StepKinds()) == kind


def test_a_name_that_was_given_goes_before_its_words() -> None:
    assert kind_in("write_report", StepKinds({"write_report": "final"})) == "final"


@tool
def look(place: str) -> str:
    """Look somewhere."""
    return "nothing there"


def agent(seen: list[Result], **options: Any) -> Any:
    """Looks once, then answers."""
    call = {"name": "look", "args": {"place": "here"}, "id": "1"}
    replies = [message(tool_calls=[call]), message("nothing")]
    model = ScriptedModel(script=lambda number: replies[number], max_tokens=100)
    reasoning = AdaptiveReasoning(policy="single", kind=StepKinds(), on_result=seen.append)
    return create_agent(model, [look], middleware=[reasoning], **options)


def test_an_agents_steps_are_told_by_what_is_offered_and_what_came_before() -> None:
    seen: list[Result] = []
    agent(seen).invoke(ASKED)
    assert [result.step.kind for result in seen] == ["tool choice", "reading"]


def test_an_agent_inside_a_node_has_the_nodes_class() -> None:
    seen: list[Result] = []
    graph: Any = StateGraph(MessagesState).add_node("fact_check", agent(seen)).add_edge(START, "fact_check").compile()
    graph.invoke(ASKED)
    assert {result.step.kind for result in seen} == {"check"}


def test_what_is_no_mapping_of_names_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="by its name"):
        StepKinds({"plan": 1})  # type: ignore[dict-item]
