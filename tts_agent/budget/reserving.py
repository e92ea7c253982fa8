"""A call planned and reserved on the accounts of a chain, in one atomic step: what `Budget.reserve` does."""

from __future__ import annotations

from collections.abc import Sequence

from tts_agent.budget.account import Account, Paths, plan
from tts_agent.budget.amount import Ask
from tts_agent.budget.book import Book, Busy, Page
from tts_agent.budget.reservation import Reservation
from tts_agent.budget.steps import Pacer
from tts_agent.budget.view import refuse_too_small


def reserved(
    book: Book, pages: Sequence[Page], paths: Paths, paces: Sequence[Pacer | None], ask: Ask, *, deadline: float
) -> Reservation | Busy:
    """Hold the upper bound of what is granted of the call; `Busy` while only calls in flight are in the way.

    Raises:
        BudgetExhausted: not even the smallest useful call fits, now or later.
    """

    def step(chain: Sequence[Account]) -> Reservation | None:
        refuse_too_small(chain, paths, paces)
        best = plan(chain, paths, ask)
        if best is None:
            return None
        cost, until = ask.cost(*best), book.until()
        leases = [book.lease(page, account) for page, account in zip(pages, chain, strict=True)]
        for account, lease, path in zip(chain, leases, paths, strict=True):
            account.hold(lease, cost, path, final=ask.final, until=until)
        return Reservation(book, pages, leases, paths, ask, plan=best, cost=cost)

    with book.lock:
        grant = book.change(pages, step)
        if grant is None:
            return book.busy(deadline)
        book.granted()
        return grant
