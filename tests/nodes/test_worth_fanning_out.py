"""The gate before a fan-out, in a graph."""

from operator import add
from typing import Annotated, Any, TypedDict

from langgraph.graph import START, StateGraph
from langgraph.types import Send

from tts_agent.nodes import token_budget, worth_fanning_out
from tts_agent.routing import Pace


class State(TypedDict):
    answers: Annotated[list[int], add]


def assign(state: State) -> list[Send]:
    worth = worth_fanning_out(8, tokens=4_000, success=0.5)
    return [Send("research", number) for number in range(worth.branches)]


def started() -> int:
    graph = StateGraph(State).add_node("research", lambda number: {"answers": [number]})
    state: dict[str, Any] = graph.add_conditional_edges(START, assign, ["research"]).compile().invoke({"answers": []})
    return len(state["answers"])


def test_fewer_branches_start_where_the_pace_makes_tokens_dear() -> None:
    assert started() == 3
    with token_budget(10**7, pace=Pace(4)):
        assert started() == 3
    with token_budget(30_000, pace=Pace(20)):
        assert started() == 1
