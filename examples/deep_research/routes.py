"""Where the research agent goes next, read off its state."""

from __future__ import annotations

from typing import Literal

from langchain_core.messages import AIMessage

from examples.deep_research.state import Research, effort_of, next_hop
from examples.deep_research.turns import allowed, reading, searched


def whether_to_plan(state: Research) -> Literal["plan", "begin", "write"]:
    return whether_to_look_up(state) if state.get("plan") else "plan"


def whether_to_look_up(state: Research) -> Literal["begin", "write"]:
    return "begin" if next_hop(state) else "write"


def whether_to_ask(state: Research) -> Literal["query", "read", "check", "reflect", "write"]:
    if state.get("undone"):
        return "write"
    hop, messages = next_hop(state), state["messages"]
    assert hop is not None
    ended = searched(messages) >= allowed(hop, messages, effort_of(state))
    return "reflect" if ended and not reading(hop, messages).pages else whether_to_go_on(state)


def whether_to_go_on(state: Research) -> Literal["query", "read", "check", "reflect"]:
    """What a page says that has been otherwise is checked against others, as long as there are searches for it."""
    if state.get("failed"):
        return "reflect"
    hop, messages, effort = next_hop(state), state["messages"], effort_of(state)
    assert hop is not None
    if not reading(hop, messages).pages and searched(messages) < effort.searches:
        return "query"
    checks = effort.checks and effort.searches <= searched(messages) < allowed(hop, messages, effort)
    return "check" if checks else "read"


def whether_to_search(state: Research) -> Literal["search", "reflect"]:
    last = state["messages"][-1]
    calls = isinstance(last, AIMessage) and last.tool_calls
    if not calls or state.get("failed"):
        return "reflect"
    hop, messages = next_hop(state), state["messages"]
    assert hop is not None
    return "search" if searched(messages) < allowed(hop, messages, effort_of(state)) else "reflect"
