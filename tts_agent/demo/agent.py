"""The agent of the demo: a LangGraph graph that reads a problem, reasons adaptively and states the answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph

from tts_agent.budget import Budget
from tts_agent.difficulty import Estimator
from tts_agent.embedded.defaults import settings
from tts_agent.embedded.generation import DEFAULT_TEMPERATURE
from tts_agent.embedded.tasks import family_of, split_solution
from tts_agent.nodes import RUN_BUDGET, adaptive_node
from tts_agent.reasoner import Result
from tts_agent.routing import Policy
from tts_agent.sampling import Sampler


class State(TypedDict, total=False):
    """What the agent knows."""

    messages: Annotated[list[AnyMessage], add_messages]
    kind: str
    answer: str


def build_agent(
    sampler: Sampler,
    policy: Policy,
    estimator: Estimator | None = None,
    *,
    seed: int | None = None,
    on_result: Callable[[Result], None] | None = None,
) -> CompiledStateGraph[State, None, State, State]:
    """read (which class of step is it?) -> reason (the adaptive node) -> state the answer."""
    graph = StateGraph(State)
    graph.add_node("read", _read)
    graph.add_node(
        "reason",
        adaptive_node(
            sampler,
            policy=policy,
            estimator=estimator,
            kind=lambda state: str(state["kind"]),
            max_tokens=settings().max_tokens,
            temperature=DEFAULT_TEMPERATURE,
            seed=seed,
            on_result=on_result,
        ),
    )
    graph.add_node("answer", _answer)
    graph.add_edge(START, "read")
    graph.add_edge("read", "reason")
    graph.add_edge("reason", "answer")
    graph.add_edge("answer", END)
    return graph.compile()


def ask(agent: CompiledStateGraph[State, None, State, State], question: str, ledger: Budget) -> None:
    """Let the agent answer one question with what `ledger` has left.

    Raises:
        BudgetExhausted: the ledger has no room for a single call.
    """
    agent.invoke({"messages": [HumanMessage(question)]}, {"configurable": {RUN_BUDGET: ledger}})


def _read(state: State) -> dict[str, Any]:
    return {"kind": family_of(str(state["messages"][-1].content)) or "default"}


def _answer(state: State) -> dict[str, Any]:
    _, answer = split_solution(str(state["messages"][-1].content))
    return {"answer": answer or ""}
