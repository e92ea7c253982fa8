"""What may be known of a budget at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.budget.account import Account, left_for_steps, remaining
from tts_agent.budget.amount import NOTHING, Amount
from tts_agent.budget.steps import Pacer, Progress


@dataclass(frozen=True, slots=True)
class BudgetView:
    """What a strategy or policy may know of its budget, at one instant."""

    limit: Amount
    spent: Amount
    held: Amount
    remaining: Amount
    """What a call could still be granted here and in every budget above, the final reserve left out."""
    overruns: int
    seconds_left: float | None = None
    """Until the deadline; None without one."""
    paces: tuple[tuple[Pacer, Progress], ...] = ()
    """Of this budget and of those above, the ones that are paced."""

    def price(self, kind: str, call_tokens: int) -> float:
        """What a token costs a step of class `kind` whose first call took `call_tokens`: at the highest price that a
        pace asks for, the steps ahead are expected to fit all of them. 0 where no budget is paced."""
        return max((pacer.price(kind, call_tokens, progress) for pacer, progress in self.paces), default=0.0)


def view_of(chain: Sequence[Account], paces: Sequence[Pacer | None], seconds_left: float | None) -> BudgetView:
    """The view of the first of these accounts; the others are those above it.

    Args:
        paces: of each account, None where it has none.
        seconds_left: until the deadline.
    """
    account = chain[0]
    return BudgetView(
        account.limit,
        account.spent,
        account.held,
        NOTHING if seconds_left == 0.0 else remaining(chain),
        account.overruns,
        seconds_left,
        tuple(
            (pacer, Progress(chain[above].steps, left_for_steps(chain[above:])))
            for above, pacer in enumerate(paces)
            if pacer
        ),
    )
