"""The end of a run under a budget: whether another step has room, and what the last answer is asked for with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import HumanMessage

from tts_agent.budget.notice import LAST_WORDS
from tts_agent.nodes.arguments import whole
from tts_agent.nodes.metering import installed


def has_room(tokens: int) -> bool:
    """Whether the `token_budget` around has room for a step of so many tokens beside its final reserve: for a
    conditional edge that goes to the final node while there is still something to write.

        graph.add_conditional_edges("read", lambda state: "read" if has_room(4_000) else "write_report")

    It does not hold them. Outside a `token_budget` there is room. With a stored ledger this is I/O.

    Raises:
        ConfigurationError: that is no number of tokens.
    """
    whole(tokens, "tokens", least=1)
    budget = installed()
    if budget is None:
        return True
    left = budget.view().remaining
    return left.tokens >= tokens and left.calls >= 1 and left.money >= 0 and budget.seconds_left != 0.0


def last_words(open_items: Sequence[str] = ()) -> HumanMessage:
    """Ends the prompt of a last answer, which is asked for without tools; what was left undone is to be said in it."""
    said = LAST_WORDS
    if open_items:
        said += " This was not done; name it: " + "; ".join(" ".join(item.split()) for item in open_items) + "."
    return HumanMessage(said)


def open_todos(state: Mapping[str, Any]) -> Sequence[str]:
    """What a to-do list in the state (LangChain's `TodoListMiddleware`, deepagents) has left, in its order."""
    todos = state.get("todos") or ()
    return [str(each["content"]) for each in todos if each.get("status") != "completed"]
