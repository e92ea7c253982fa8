"""The end of a run under a budget."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import TodoListMiddleware
from langchain_core.messages import HumanMessage
from langgraph.graph import START, MessagesState, StateGraph

from tests.nodes.models import openai_model
from tts_agent import ConfigurationError
from tts_agent.messages import ToolCall
from tts_agent.nodes import AdaptiveReasoning, adaptive_node, has_room, last_words, token_budget
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

TODOS = (
    '{"todos": [{"content": "find the mayor", "status": "completed"}, '
    '{"content": "find the river", "status": "in_progress"}, {"content": "compare", "status": "pending"}]}'
)


def restless(request: SampleRequest, index: int) -> Sample | str:
    """Writes its to-do list again and again as long as it has tools; then says what it was asked to say."""
    if request.tools:
        return Sample("", "tool_calls", (ToolCall("write_todos", TODOS, f"call-{len(request.messages)}"),))
    return request.messages[-1].content


@pytest.fixture
def endpoint() -> Iterator[Loopback]:
    with Loopback(ScriptedSampler(restless)) as served:
        yield served


def test_an_agents_last_answer_is_asked_to_name_what_its_to_do_list_has_left(endpoint: Loopback) -> None:
    reasoning = AdaptiveReasoning(policy="single", budget=16_000, max_tokens=200)
    middleware: list[Any] = [TodoListMiddleware(), reasoning]
    agent: Any = create_agent(openai_model(endpoint), [], middleware=middleware)
    said = agent.invoke({"messages": [HumanMessage("Go.")]}, {"recursion_limit": 500})["messages"][-1].text
    assert said.endswith("This was not done; name it: find the river; compare.")


def test_a_graph_goes_to_its_last_node_while_there_is_something_to_write(endpoint: Loopback) -> None:
    step = adaptive_node(openai_model(endpoint), policy="single", max_tokens=50)

    def report(state: MessagesState) -> list[Any]:
        return [*state["messages"], last_words(["the third question"])]

    graph = StateGraph(MessagesState).add_node("read", step)
    graph.add_node("write_report", adaptive_node(openai_model(endpoint), policy="single", prompt=report, max_tokens=50))
    graph.add_edge(START, "read")
    graph.add_conditional_edges("read", lambda _: "read" if has_room(800) else "write_report", ["read", "write_report"])
    compiled: Any = graph.compile()
    with token_budget(3_000, reserve_final=1_200, final_nodes=["write_report"]) as budget:
        messages = compiled.invoke({"messages": [HumanMessage("Go.")]}, {"recursion_limit": 200})["messages"]
    assert messages[-1].text.endswith("This was not done; name it: the third question.")
    assert len(messages) > 3
    assert budget.spent.tokens <= 3_000


def test_without_a_budget_there_is_room_and_without_open_items_none_are_named() -> None:
    assert has_room(10**9)
    with token_budget(None, calls=1):
        assert has_room(10**9)
    assert isinstance(last_words(), HumanMessage)
    assert "not done" not in last_words().text


def test_what_is_wrong_is_one_sentence() -> None:
    with pytest.raises(ConfigurationError, match="tokens is 0"):
        has_room(0)
    with pytest.raises(ConfigurationError, match="open_items is 3"):
        AdaptiveReasoning(open_items=3)  # type: ignore[arg-type]
