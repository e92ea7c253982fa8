"""Outside a graph, what a node is made of works as well."""

from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda
from langgraph.graph import START, MessagesState, StateGraph

from tests.nodes.models import ScriptedModel, message
from tts_agent.nodes import AdaptiveChatModel, adaptive_node, token_budget
from tts_agent.nodes.wiring import running
from tts_agent.portal import run_sync


def test_there_is_a_runtime_inside_a_graph_and_nowhere_else() -> None:
    seen: list[bool] = []

    def look(_: Any) -> dict[str, Any]:
        seen.append(running() is not None)
        return {}

    builder: Any = StateGraph(MessagesState)
    builder.add_node("look", look).add_edge(START, "look").compile().invoke({"messages": []})
    RunnableLambda(look).invoke({})
    look(None)
    assert seen == [True, False, False]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_nodes_and_models_answer_outside_a_graph(asynchronous: bool) -> None:
    model = ScriptedModel(script=lambda _: message("it is 42"))
    node = adaptive_node(model, policy="parallel", max_samples=2)
    chat = AdaptiveChatModel(model, policy="parallel", max_samples=2)
    asked = {"messages": "What is 6 times 7?"}
    with token_budget(10_000) as budget:
        update = run_sync(node.ainvoke(asked)) if asynchronous else node.invoke(asked)
        reply = run_sync(chat.ainvoke("6*7?")) if asynchronous else chat.invoke("6*7?")
    assert update["messages"][0].text == reply.text == "it is 42"
    assert budget.spent.calls == 4
