"""Accounts that several processes share through a store, and the leases under which each of them holds calls."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar
from uuid import uuid4

from tts_agent.budget.account import Account
from tts_agent.budget.account_text import from_text, to_text
from tts_agent.budget.amount import NOTHING, UNLIMITED
from tts_agent.budget.book import Book, Page, Step
from tts_agent.budget.clock import set_alarm
from tts_agent.budget.stores.base import Store
from tts_agent.exceptions import BudgetUnavailable, ConfigurationError

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds of lost races with other processes until the store counts as out of reach."""

LOOKS = (0.01, 0.5)
"""Seconds until a waiter looks again for what other processes gave back: at first, and at most (each look doubles)."""


_now = time.time
"""Leases are compared between machines, so they are in seconds of the epoch. Where clocks differ by more than a lease,
a live process's calls lapse: they are charged in full until they end, and the cap holds."""


class StoredBook(Book):
    """Accounts with a name are in the store, those without in memory; one step changes both or neither.

    Every step is optimistic: read the texts, compute, write them back unless somebody was faster, else start over.
    """

    stored = True

    def __init__(self, store: Store) -> None:
        super().__init__()
        self.store = store
        self._opened: dict[str, Page] = {}
        self._leases: dict[str, str] = {}
        """By account. A lease is never taken up again once it lapsed or its last write is in doubt."""
        self._late: list[tuple[Sequence[Page], Step[None]]] = []
        """Ends of reservations that the store could not be told yet."""
        self._tending = False
        self._pause = LOOKS[0]

    def open(self, page: Page) -> None:
        """Find the account in the store, or begin it there.

        Raises:
            ConfigurationError: it was begun with other limits.
        """
        assert page.name is not None
        with self.lock:
            fresh = replace(page.account, id=uuid4().hex)
            if self.store.read([page.name]) == [None]:
                self.store.swap([page.name], [None], [to_text(fresh)])
            found = self._account(self.store.read([page.name])[0])
            if (found.limit, found.reserve_final) != (fresh.limit, fresh.reserve_final):
                raise ConfigurationError(
                    f"the ledger {self._called(page.name)} was begun with other limits ({_limits(found)}, not "
                    f"{_limits(fresh)}): open it with the same, or choose another key"
                )
            page.account = replace(fresh, id=found.id)
            self._opened[page.name] = page

    def change(self, pages: Sequence[Page], step: Step[T]) -> T:
        names = [page.name for page in pages if page.name is not None]
        give_up = time.monotonic() + PATIENCE
        pause = 0.0005
        with self.lock:
            while True:
                before = self.store.read(names)
                chain = self._chain(pages, before)
                result = step(chain)
                after = [to_text(account) for page, account in zip(pages, chain, strict=True) if page.name is not None]
                if after == before or self._swap(names, before, after, chain):
                    _keep(pages, chain)
                    return result
                if time.monotonic() > give_up:
                    raise BudgetUnavailable(f"the ledger {self.store} is too busy: no turn in {PATIENCE:.0f} seconds")
                time.sleep(random.uniform(0.0, pause))
                pause = min(2.0 * pause, 0.02)

    def end(self, pages: Sequence[Page], step: Step[None]) -> None:
        """Never fails: what the store cannot be told now it is told later, and holds until then."""
        try:
            self.change(pages, step)
        except _InDoubtError as doubt:
            _keep(pages, doubt.chain)  # if the store did not hear of it, it charges in full when the lease lapses
        except BudgetUnavailable:
            self._late.append((pages, step))
            self._tend_later()
        self.wake()

    def lease(self, page: Page, account: Account) -> str:
        if page.name is None:
            return super().lease(page, account)
        if self._leases.get(page.name) not in account.leases:
            self._leases[page.name] = uuid4().hex
        return self._leases[page.name]

    def until(self) -> float:
        return _now() + self.store.lease_seconds

    def granted(self) -> None:
        self._pause = LOOKS[0]
        self._tend_later()

    def forked(self) -> None:
        super().forked()
        self._leases = {}
        self._late = []
        self._tending = False

    def _chain(self, pages: Sequence[Page], texts: Sequence[str | None]) -> list[Account]:
        """Copies of the accounts, with what lapsed meanwhile forfeited."""
        stored, now = iter(texts), _now()
        chain = []
        for page in pages:
            if page.name is None:
                account = page.account.copy()
            else:
                account = self._account(next(stored))
                if account.id != page.account.id:
                    raise BudgetUnavailable(f"the ledger {self.store} was begun anew: what was spent is not known")
                account.lapse(now)
            chain.append(account)
        return chain

    def _account(self, text: str | None) -> Account:
        if text is None:
            raise BudgetUnavailable(f"the ledger {self.store} is gone from its store: what was spent is not known")
        try:
            return from_text(text)
        except ValueError as error:
            raise BudgetUnavailable(f"the ledger {self.store} is damaged or foreign: {error}") from error

    def _swap(
        self, names: Sequence[str], before: Sequence[str | None], after: Sequence[str], chain: Sequence[Account]
    ) -> bool:
        try:
            return self.store.swap(names, before, after)
        except BudgetUnavailable as error:
            self._leases.clear()  # what may have been held and is nobody's has to lapse
            raise _InDoubtError(str(error), chain) from error

    def _look_again(self) -> float:
        pause = random.uniform(0.5, 1.5) * self._pause
        self._pause = min(2.0 * self._pause, LOOKS[1])
        return time.monotonic() + pause

    def _tend_later(self) -> None:
        with self.lock:
            if not self._tending:
                self._tending = True
                set_alarm(time.monotonic() + self.store.lease_seconds / 3.0, self._tend)

    def _tend(self) -> None:
        """Renew the leases that hold something, and tell the store what it missed."""
        with self.lock:
            self._tending = False
            late, self._late = self._late, []
            for pages, step in late:
                self.end(pages, step)
            for name, lease in list(self._leases.items()):
                try:
                    if self.change([self._opened[name]], partial(self._renew, lease)):
                        self._tend_later()
                except BudgetUnavailable:
                    self._tend_later()

    def _renew(self, lease: str, chain: Sequence[Account]) -> bool:
        """False when there is nothing to renew."""
        mine = chain[0].leases.get(lease)
        if mine is None or (mine.held == NOTHING and not mine.grants):
            return False
        mine.until = self.until()
        return True

    def _called(self, name: str) -> str:
        return f"{name!r} of {self.store}" if name else str(self.store)


class _InDoubtError(BudgetUnavailable):
    """The store may or may not have been changed."""

    def __init__(self, message: str, chain: Sequence[Account]) -> None:
        super().__init__(message)
        self.chain = chain


def _keep(pages: Sequence[Page], chain: Sequence[Account]) -> None:
    """The accounts in memory are now these."""
    for page, account in zip(pages, chain, strict=True):
        if page.name is None:
            page.account = account


def _limits(account: Account) -> str:
    limit = account.limit
    numbers = ((limit.tokens, "tokens"), (limit.calls, "calls"), (limit.money, "nano-dollars"))
    named = [f"{number} {name}" for number, name in numbers if number != UNLIMITED] or ["none"]
    return " and ".join(named) + (f", {account.reserve_final} in reserve" if account.reserve_final else "")
