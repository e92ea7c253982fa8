"""A granted call."""

from __future__ import annotations

from collections.abc import Sequence

from tts_agent.budget.account import Account, Paths
from tts_agent.budget.amount import NOTHING, Amount, Ask
from tts_agent.budget.book import Book, Page
from tts_agent.sampling import Usage


class Reservation:
    """A granted call: at most `n` completions of at most `max_tokens` each. End it exactly once."""

    def __init__(
        self,
        book: Book,
        pages: Sequence[Page],
        leases: Sequence[str],
        paths: Paths,
        ask: Ask,
        *,
        plan: tuple[int, int],
        cost: Amount,
    ) -> None:
        self.n, self.max_tokens = plan
        self.cost = cost
        """Upper bound that is held until the reservation ends."""
        self._book = book
        self._pages = pages
        self._leases = leases
        self._paths = paths
        self._ask = ask
        self._forks = book.forks
        self._open = True

    def bill(self, tokens: int | Usage, *, calls: int | None = None, unknown: int = 0) -> Amount:
        """What the call cost.

        Args:
            tokens: the `Usage` that the provider reported; or input plus output tokens (below 0 counts as 0), whose
                split between the two is then taken at its dearest.
            calls: completions that count as drawn; by default all that were granted.
            unknown: completions whose usage nobody knows: counted at their upper bound, on top of `tokens`.
        """
        drawn = self.n if calls is None else calls
        return self._ask.bill(tokens, self.n, self.max_tokens, calls=drawn, unknown=min(unknown, self.n))

    def settle(self, tokens: int | Usage, *, calls: int | None = None, unknown: int = 0) -> Amount:
        """The call came back: charge its `bill` and free the rest."""
        return self.charge(self.bill(tokens, calls=calls, unknown=unknown))

    def release(self) -> Amount:
        """The provider did not bill: charge nothing."""
        return self.charge(NOTHING)

    def forfeit(self) -> Amount:
        """Nobody can know what was billed (cancelled, timed out, no usage): charge everything held."""
        return self.charge(self.cost)

    def charge(self, actual: Amount) -> Amount:
        """End it: charge this in place of what was held, and return it."""

        def step(chain: Sequence[Account]) -> None:
            for account, lease, path in zip(chain, self._leases, self._paths, strict=True):
                account.end(lease, self.cost, actual, path, final=self._ask.final)

        with self._book.lock:
            if not self._open:
                raise RuntimeError("this reservation was already ended")
            self._open = False
        if self._forks == self._book.forks:
            self._book.end(self._pages, step)
        return actual
