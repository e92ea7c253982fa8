"""A ledger that watches itself."""

from __future__ import annotations

from collections.abc import Iterator

from tts_agent.budget import Amount, Budget


class CheckedBudget(Budget):
    """A `Budget` that checks its own promise whenever it or a child of it changes.

    spent + held <= limit, but for what providers reported beyond what they were allowed.
    """

    _excess = Amount()

    def _hold(self, cost: Amount, *, final: bool) -> None:
        super()._hold(cost, final=final)
        self._check()

    def _settle(self, reserved: Amount, actual: Amount, *, final: bool) -> None:
        beyond = Amount(max(0, actual.tokens - reserved.tokens), max(0, actual.calls - reserved.calls))
        with self._lock:
            for budget in self._chain():
                budget._excess += beyond
            super()._settle(reserved, actual, final=final)
            for budget in self._chain():
                budget._check()

    def _chain(self) -> Iterator[CheckedBudget]:
        budget: Budget | None = self
        while isinstance(budget, CheckedBudget):
            yield budget
            budget = budget._parent

    def _check(self) -> None:
        used = self._spent + self._held
        assert used.within(self.limit + self._excess), f"{used} spent and held of {self.limit}"
        assert Amount().within(self._held), f"more was given back than was held: {self._held}"
