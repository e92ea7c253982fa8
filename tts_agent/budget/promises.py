"""A minimum promised to a sub-agent, for as long as it is at work: `Budget.grant` on the accounts of a chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tts_agent.budget.account import Account, Paths, remaining
from tts_agent.budget.book import Book, Page
from tts_agent.exceptions import BudgetExhausted


@contextmanager
def promised(book: Book, pages: Sequence[Page], paths: Paths, name: str, least: int) -> Iterator[None]:
    """Inside, so many tokens are kept for calls under the grant of this name; what was not used is then anybody's.

    Raises:
        BudgetExhausted: there is less than that left which nobody was promised.
    """

    def promise(chain: Sequence[Account]) -> None:
        left = remaining(chain, paths).tokens
        if left < least:
            raise BudgetExhausted(f"a minimum of {least} tokens cannot be promised: {left} are left for anybody")
        for account, page, path in zip(chain, pages, paths, strict=True):
            account.promise(book.lease(page, account), name, least, path, until=book.until())

    def take_back(chain: Sequence[Account]) -> None:
        for account in chain:
            account.take_back(name)

    with book.lock:
        book.change(pages, promise)
        book.granted()
    try:
        yield
    finally:
        book.end(pages, take_back)
