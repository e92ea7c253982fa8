"""A gate before a fan-out: how many sub-agents the budget around is worth starting."""

from __future__ import annotations

from collections.abc import Sequence

from tts_agent.budget import Budget
from tts_agent.nodes.metering import installed
from tts_agent.routing.fan_out import FanOut, fan_out


def worth_fanning_out(
    most: int, *, tokens: float, success: float | Sequence[float], price: float = 2e-5, kind: str = "fan-out"
) -> FanOut:
    """How many branches to start, for a conditional edge or the tool of a supervisor.

        def assign(state):
            worth = worth_fanning_out(len(state["questions"]), tokens=4_000, success=0.4)
            return [Send("researcher", {"question": each}) for each in state["questions"][: worth.branches]]

    A token costs what the pace of the `token_budget` around asks for, and at least `price`. Outside one it costs
    `price`, and everything fits. With a stored ledger this is I/O; in asynchronous graphs LangGraph runs synchronous
    functions off the event loop.

    Args:
        most, tokens, success, price: see `routing.fan_out`.
        kind: class of the branches as steps.

    Raises:
        ConfigurationError: a number is out of its range.
    """
    view = (installed() or Budget()).view(kind, int(tokens))
    return fan_out(most, tokens=tokens, success=success, budget=view, price=price)
