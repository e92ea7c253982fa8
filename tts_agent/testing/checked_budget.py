"""A ledger that watches itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from tts_agent.budget import Amount, Budget
from tts_agent.budget.account import Account
from tts_agent.budget.book import Page, Step

T = TypeVar("T")


class CheckedBudget(Budget):
    """A `Budget` that checks its own promise whenever it or a child of it changes.

    spent + held <= limit, but for what providers reported beyond what they were allowed.
    """

    def __init__(self, *limits: Any, **options: Any) -> None:
        super().__init__(*limits, **options)
        change = self._book.change

        def checked(pages: Sequence[Page], step: Step[T]) -> T:
            return change(pages, lambda chain: _checked(step(chain), chain))

        self._book.change = checked  # type: ignore[method-assign]  # of this book alone, whichever kind it is


def _checked(result: T, chain: Sequence[Account]) -> T:
    for account in chain:
        used = account.spent + account.held
        assert used.within(account.limit + account.excess), f"{used} spent and held of {account.limit}"
        assert Amount().within(account.held), f"more was given back than was held: {account.held}"
    return result
