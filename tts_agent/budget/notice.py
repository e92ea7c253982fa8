"""What a model may be told of its budget, in numbers so coarse that one call after the other is told the same.

A model that knows what is left plans for it: Liu et al., "Budget-Aware Tool-Use Enables Effective Agent Scaling"
(arXiv 2511.17006). Exact numbers would be others at every call, and tell it nothing that it could use.
"""

from __future__ import annotations

from decimal import Decimal

from tts_agent.budget.amount import UNLIMITED, Amount
from tts_agent.budget.tariffs import NANOS
from tts_agent.budget.view import BudgetView

LAST_WORDS = (
    "There is no budget for further steps. Answer now, as well as you can with what is known so far, "
    "and say what remains open."
)
"""Ends the conversation that a last answer is asked for with."""


def notice(view: BudgetView) -> str | None:
    """What is left, rounded down to 1, 2 or 5 times a power of ten; None where nothing is limited."""
    left, limit = view.remaining, view.limit
    parts = [
        *_counted(left.tokens, limit.tokens, "tokens"),
        *_counted(left.calls, limit.calls, "calls of a model"),
        *_dollars(left, limit),
    ]
    if view.seconds_left is not None:
        parts.append(f"{_coarse(view.seconds_left):f} seconds")
    if not parts:
        return None
    listed = f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else parts[0]
    return (
        f"What is left for all further steps together is at least {listed}. Spend it where it helps most, and answer "
        "while there is some."
    )


def _counted(left: int, limit: int, what: str) -> list[str]:
    if left >= UNLIMITED // 2:
        return []
    of = f" of {limit:,}" if limit < UNLIMITED // 2 else ""
    return [f"{_coarse(left):,.0f}{of} {what}"]


def _dollars(left: Amount, limit: Amount) -> list[str]:
    if left.money >= UNLIMITED // 2:
        return []
    of = f" of ${Decimal(limit.money) / NANOS:f}" if limit.money < UNLIMITED // 2 else ""
    return [f"${_coarse(left.money) / NANOS:f}{of}"]


def _coarse(value: float) -> Decimal:
    """``value`` rounded down to 1, 2 or 5 times a power of ten; in decimals, so that rounding never adds."""
    if value <= 0:
        return Decimal(0)
    exact = Decimal(value)
    power = Decimal(1).scaleb(exact.adjusted())
    return next(step * power for step in (5, 2, 1) if step * power <= exact)
