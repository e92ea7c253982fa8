"""Where the accounts of a budget and of its children are kept in this process, and who waits for them to change."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TypeVar
from weakref import WeakSet

from tts_agent.budget.account import Account
from tts_agent.budget.clock import set_alarm

T = TypeVar("T")

Step = Callable[[Sequence[Account]], T]
"""What is done with a chain of accounts. It raises before it changes anything, or not at all."""


class Busy:
    """The call would fit if only reservations in flight came back.

    `changed` completes when it is worth asking again: one did, the budget's time is up, or (where other processes share
    the ledger) a moment has passed.
    """

    def __init__(self, changed: Future[None]) -> None:
        self.changed = changed


class Page:
    """One budget's account."""

    __slots__ = ("account", "name")

    def __init__(self, account: Account, name: str | None = None) -> None:
        self.account = account
        """Of an account that is kept in a store: what it was opened with."""
        self.name = name
        """In the store; None for an account that is kept in memory."""


class Book:
    """Accounts in memory, shared by the threads of this process. A forked child goes on with a copy of its own."""

    stored = False

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.forks = 0
        """A reservation from before a fork is its parent process's to end."""
        self._waiting: list[Future[None]] = []
        self._alarm = math.inf
        _books.add(self)

    def change(self, pages: Sequence[Page], step: Step[T]) -> T:
        """Do one atomic step on a chain of accounts."""
        with self.lock:
            return step([page.account for page in pages])

    def end(self, pages: Sequence[Page], step: Step[None]) -> None:
        """`change` for the end of a reservation, and wake whoever waits."""
        self.change(pages, step)
        self.wake()

    def lease(self, page: Page, account: Account) -> str:
        """The lease under which this process holds calls of an account."""
        return ""

    def until(self) -> float:
        """When a lease that is renewed now lapses, in seconds of the epoch."""
        return math.inf

    def granted(self) -> None:
        """A reservation was made."""

    def busy(self, deadline: float) -> Busy:
        """Wait for a change, at most until `deadline` (seconds of `time.monotonic()`)."""
        with self.lock:
            changed: Future[None] = Future()
            self._waiting.append(changed)
            when = min(deadline, self._look_again())
            if when < self._alarm:
                self._alarm = when
                set_alarm(when, self._ring)
            return Busy(changed)

    def wake(self) -> None:
        """Complete everybody's `changed`."""
        with self.lock:
            waiting = self._waiting[:]
            self._waiting.clear()
        for changed in waiting:
            if changed.set_running_or_notify_cancel():
                changed.set_result(None)

    def forked(self) -> None:
        """Begin anew in a forked child: its parent's threads are gone, and perhaps one of them had the lock."""
        self.lock = threading.RLock()
        self.forks += 1
        self._waiting = []
        self._alarm = math.inf

    def _look_again(self) -> float:
        """When something may have changed unseen, in seconds of `time.monotonic()`."""
        return math.inf

    def _ring(self) -> None:
        with self.lock:
            if self._alarm <= time.monotonic():
                self._alarm = math.inf
        self.wake()


_books: WeakSet[Book] = WeakSet()


def _forked() -> None:
    for book in list(_books):
        book.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
