"""A LangGraph agent made adaptive: the graph stays as it was, and the node that calls the model changes.

Runs offline: where a real agent has `ChatOpenAI(...)`, here is the tiny model that comes with the package.
"""

from __future__ import annotations

from typing import Any

from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, MessagesState, StateGraph

from tts_agent import Budget
from tts_agent.embedded import EmbeddedSampler
from tts_agent.nodes import METADATA_KEY, adaptive_node

QUESTIONS = (
    "Eve likes Sam. Tom likes Eve. Sam likes Ida. Start at Tom and follow likes 2 times. Who is at the end?",
    "Sort these numbers from small to large: 47, 12, 93, 38.",
    "Start with 47. Add 38. Multiply by 3. Subtract 19. What is the result?",
)


def ask(state: MessagesState) -> dict[str, Any]:
    """A node of the existing agent: the next question."""
    return {"messages": [HumanMessage(QUESTIONS[len(state["messages"]) // 2])]}


def whether_to_go_on(state: MessagesState) -> str:
    """An edge of the existing agent: on until every question has its answer."""
    return "ask" if len(state["messages"]) < 2 * len(QUESTIONS) else END


def build(agent: Any) -> Any:
    """The existing agent, with the node that calls the model left open."""
    graph = StateGraph(MessagesState).add_node("ask", ask).add_node("agent", agent)
    graph.add_edge(START, "ask").add_edge("ask", "agent").add_conditional_edges("agent", whether_to_go_on)
    return graph.compile()


def main() -> None:
    budget = Budget(5_000)
    # Before: def agent(state): return {"messages": [model.invoke(state["messages"][-1:])]}
    agent = adaptive_node(EmbeddedSampler(), budget=budget, max_tokens=100, prompt=lambda state: state["messages"][-1:])

    messages = build(agent).invoke({"messages": []})["messages"]
    for question, answer in zip(messages[::2], messages[1::2], strict=True):
        step = answer.response_metadata[METADATA_KEY]
        print(f"{question.text}\n  {answer.text}")
        print(f"  {step['strategy']}: {step['samples']} samples, votes {step['votes']}, {step['tokens']} tokens\n")
    print(f"The run spent {budget.spent.tokens} of its {budget.limit.tokens} tokens.")


if __name__ == "__main__":
    main()
