"""A budget for code on an event loop: what is I/O, because it is kept in a store, happens off the loop."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

from tts_agent.budget.amount import Amount, Ask
from tts_agent.budget.book import Busy
from tts_agent.budget.ledger import Budget
from tts_agent.budget.reservation import Reservation
from tts_agent.budget.view import BudgetView

T = TypeVar("T")

THREADS = 8
"""That talk to stores. Their own, so that no function that waits for a reservation can keep one from its end."""


class AsyncBudget:
    """The same ledger, awaited. One in memory answers at once.

    An interrupt undoes a reservation that was being made, and never one that was being ended.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    async def reserve(self, ask: Ask) -> Reservation | Busy:
        """See `Budget.reserve`."""
        if not self._budget.stored:
            return self._budget.reserve(ask)
        asked = _threads().submit(self._budget.reserve, ask)
        answer = asyncio.wrap_future(asked)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            answer.add_done_callback(asyncio.Future.exception)  # a refusal that nobody waits for is no news
            asked.add_done_callback(_give_back)
            raise

    async def view(self, kind: str = "", call_tokens: int = 0) -> BudgetView:
        """See `Budget.view`."""
        return await self.off_loop(partial(self._budget.view, kind, call_tokens))

    async def end(self, end: Callable[[], Amount]) -> Amount:
        """End a reservation, as the function says, and return what was charged."""
        return await self.off_loop(end)

    def forfeit(self, grant: Reservation) -> Amount:
        """Charge it in full, without waiting until the store knows: for code that is being interrupted."""
        if self._budget.stored:
            _threads().submit(grant.forfeit)
        else:
            grant.forfeit()
        return grant.cost

    async def off_loop(self, action: Callable[[], T]) -> T:
        """Anything that asks or changes the ledger. It is carried through, also where its caller is interrupted."""
        if not self._budget.stored:
            return action()
        return await asyncio.shield(asyncio.wrap_future(_threads().submit(action)))


def _give_back(asked: Future[Reservation | Busy]) -> None:
    if asked.exception() is None and isinstance(grant := asked.result(), Reservation):
        grant.release()


def _threads() -> ThreadPoolExecutor:
    """Those of this process: a forked child has none of its parent's."""
    return _threads_of(os.getpid())


@cache
def _threads_of(process: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(THREADS, thread_name_prefix=f"tts-agent-ledger-{process}")
