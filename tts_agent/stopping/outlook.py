"""What a rule for verified, scored or refined answers sees ahead: its next move and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Move = Literal["go_on", "give_up", "escalate"]
"""go_on: another try or round pays. give_up: nothing pays, what is at hand stands. escalate: nothing here pays,
and what the rule was told about its fallback (a bigger model, a person) does."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """The best plan from here, in units of one correct answer. Two outlooks compare by `value`."""

    move: Move
    value: float
    """Expected worth of the final answer less the price of everything still to be drawn."""
    success: float
    """P(the final answer is right) under the plan, the fallback not counted."""
    spent: float
    """Expected price of what is still drawn."""
    most: int
    """Tries or rounds that the plan makes if none of them succeeds."""
