"""What may be known of a budget at one instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.budget.account import Account, Paths, left_for_steps, remaining
from tts_agent.budget.amount import NOTHING, Amount
from tts_agent.budget.steps import Pacer, Progress
from tts_agent.exceptions import BudgetExhausted


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
    price: float = 0.0
    """What a token costs the step that asks, in units of one right step: the highest price that a pace of this budget
    or of one above asks for, at which the steps ahead are expected to fit all of them. 0 where none is paced."""


def view_of(chain: Sequence[Account], paths: Paths, seconds_left: float | None) -> BudgetView:
    """The view of the first of these accounts, unpriced; the others are those above it.

    Args:
        paths: see `account.Paths`.
        seconds_left: until the deadline.
    """
    account, left = chain[0], NOTHING if seconds_left == 0.0 else remaining(chain, paths)
    return BudgetView(account.limit, account.spent, account.held, left, account.overruns, seconds_left)


def progress_of(chain: Sequence[Account], paths: Paths, paces: Sequence[Pacer | None]) -> list[tuple[Pacer, Progress]]:
    """The pace of each of these accounts that has one, and what it goes by."""
    return [
        (pacer, Progress(chain[above].steps, left_for_steps(chain[above:], paths[above:])))
        for above, pacer in enumerate(paces)
        if pacer
    ]


def refuse_too_small(chain: Sequence[Account], paths: Paths, paces: Sequence[Pacer | None]) -> None:
    """Say before the first call of a task that its budget cannot do.

    Raises:
        BudgetExhausted: of a budget that was not used yet, the steps to come need more than there is.
    """
    for account, pacer, above in zip(chain, paces, range(len(chain)), strict=True):
        if pacer and account.unused:
            least, left = pacer.least_tokens(account.steps), left_for_steps(chain[above:], paths[above:])
            if least > left:
                needed = least + account.reserve_final
                raise BudgetExhausted(
                    f"the steps to come need at least {least} tokens and {left} are left for them: the smallest budget "
                    f"that would do is {needed} tokens",
                    least=needed,
                )
