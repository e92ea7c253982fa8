"""The ledger. Invariant, at every instant and from every thread: spent + held <= limit.

Only a provider that reports more than it was allowed can break it; that is recorded as an overrun and
closes the budget. Source of the protocol: two-phase reservation, as in card payments (authorize, capture).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from tts_agent.budget.amount import UNLIMITED, Amount, Ask
from tts_agent.exceptions import BudgetExhausted, ConfigurationError


@dataclass(frozen=True, slots=True)
class BudgetView:
    """What a strategy or policy may know of its budget, at one instant."""

    limit: Amount
    spent: Amount
    held: Amount
    remaining: Amount
    """What a call could still be granted here and in every budget above, the final reserve left out."""
    overruns: int


class Busy:
    """The call would fit if only reservations in flight came back; `changed` completes when one does."""

    def __init__(self, changed: Future[None]) -> None:
        self.changed = changed


class Budget:
    """A hard cap on what a task spends, shared by any number of threads, tasks and child budgets.

    Args:
        tokens: most tokens (input + output) that may ever be spent; None for no limit.
        calls: most completions; None for no limit.
        reserve_final: tokens that only calls marked `final` may use, kept for the last answer.

    Raises:
        ConfigurationError: a limit is not positive, or the reserve is not below the limit.
    """

    def __init__(self, tokens: int | None = None, *, calls: int | None = None, reserve_final: int = 0) -> None:
        for name, value in (("tokens", tokens), ("calls", calls)):
            if value is not None and value < 1:
                raise ConfigurationError(f"a budget of {value} {name} buys nothing: give a number above 0")
        self.limit = Amount(UNLIMITED if tokens is None else tokens, UNLIMITED if calls is None else calls)
        if not 0 <= reserve_final < self.limit.tokens:
            raise ConfigurationError(
                f"reserve_final is {reserve_final}: it must be at least 0 and below the {tokens} tokens"
            )
        self._reserve_final = reserve_final
        self._spent = Amount()
        self._held = Amount()
        self._final_spent = 0
        self._final_held = 0
        self._overruns = 0
        self._closed = False
        self._parent: Budget | None = None
        self._lock = threading.RLock()
        self._waiting: list[Future[None]] = []

    def child(self, tokens: int | None = None, *, calls: int | None = None, reserve_final: int = 0) -> Budget:
        """A budget inside this one: what it spends counts here too, and neither limit can be passed.

        Nothing is set aside for it: what it does not spend stays with its parent.
        """
        child = type(self)(tokens, calls=calls, reserve_final=reserve_final)
        child._parent = self
        child._lock = self._lock
        child._waiting = self._waiting
        return child

    def inside(self, other: Budget) -> bool:
        """Whether everything spent here counts there too: it is that budget, or a child of it at any depth."""
        return self is other or (self._parent is not None and self._parent.inside(other))

    @property
    def spent(self) -> Amount:
        """What was settled or forfeited so far."""
        with self._lock:
            return self._spent

    @property
    def held(self) -> Amount:
        """What reservations in flight may still cost."""
        with self._lock:
            return self._held

    @property
    def overruns(self) -> int:
        """How often a provider reported more than it was allowed, here and in child budgets.

        The first one closes the budget that made the reservation (the task); budgets above it stay open.
        """
        with self._lock:
            return self._overruns

    def view(self) -> BudgetView:
        """A consistent snapshot."""
        with self._lock:
            remaining = self._available(final=False, after_reservations=False)
            remaining = Amount() if self._is_closed() else Amount(max(0, remaining.tokens), max(0, remaining.calls))
            return BudgetView(self.limit, self._spent, self._held, remaining, self._overruns)

    def reserve(self, ask: Ask) -> Reservation | Busy:
        """Plan and reserve in one atomic step.

        Degrades to fewer samples, then to a shorter completion, when even an idle budget could not pay for
        the whole call. When only reservations in flight are in the way it reserves nothing and says `Busy`.

        Raises:
            BudgetExhausted: not even the smallest useful call fits, now or later.
        """
        with self._lock:
            if self._is_closed():
                raise BudgetExhausted(
                    "the budget is closed: the provider reported more tokens than the call was allowed"
                )
            idle = self._available(final=ask.final, after_reservations=True)
            plan = ask.fit(idle)
            if plan is None:
                raise BudgetExhausted(_shortage(ask, idle))
            cost = ask.cost(*plan)
            if not cost.within(self._available(final=ask.final, after_reservations=False)):
                changed: Future[None] = Future()
                self._waiting.append(changed)
                return Busy(changed)
            self._each(lambda budget: budget._hold(cost, final=ask.final))
            return Reservation(self, *plan, cost, final=ask.final)

    def _each(self, action: Callable[[Budget], None]) -> None:
        budget: Budget | None = self
        while budget is not None:
            action(budget)
            budget = budget._parent

    def _available(self, *, final: bool, after_reservations: bool) -> Amount:
        least = Amount(UNLIMITED, UNLIMITED)
        budget: Budget | None = self
        while budget is not None:
            free, final_used = budget.limit - budget._spent, budget._final_spent
            if not after_reservations:
                free, final_used = free - budget._held, final_used + budget._final_held
            if not final:
                free -= Amount(max(0, budget._reserve_final - final_used))
            least = least.least(free)
            budget = budget._parent
        return least

    def _is_closed(self) -> bool:
        return self._closed or (self._parent is not None and self._parent._is_closed())

    def _hold(self, cost: Amount, *, final: bool) -> None:
        self._held += cost
        self._final_held += cost.tokens if final else 0

    def _settle(self, reserved: Amount, actual: Amount, *, final: bool) -> None:
        """Turn held into spent, here and above; wake whoever waits."""
        overrun = not actual.within(reserved)

        def book(budget: Budget) -> None:
            budget._held -= reserved
            budget._spent += actual
            budget._final_held -= reserved.tokens if final else 0
            budget._final_spent += actual.tokens if final else 0
            budget._overruns += overrun

        with self._lock:
            self._each(book)
            self._closed = self._closed or overrun
            waiting = self._waiting[:]
            self._waiting.clear()
        for changed in waiting:
            if changed.set_running_or_notify_cancel():
                changed.set_result(None)


def _shortage(ask: Ask, idle: Amount) -> str:
    if idle.calls < 1:
        return "the next call does not fit: every call of the budget is used"
    needed = ask.prompt_tokens + ask.min_tokens
    return f"the next call needs at least {needed} tokens and {max(0, idle.tokens)} of the budget are left"


class Reservation:
    """A granted call: at most `n` completions of at most `max_tokens` each. End it exactly once."""

    def __init__(self, budget: Budget, n: int, max_tokens: int, cost: Amount, *, final: bool) -> None:
        self.n = n
        self.max_tokens = max_tokens
        self.cost = cost
        """Upper bound that is held until the reservation ends."""
        self._budget = budget
        self._final = final
        self._open = True

    def settle(self, tokens: int, *, calls: int | None = None) -> Amount:
        """The call came back: charge what the provider reported (tokens >= 0) and free the rest."""
        return self._end(Amount(max(0, tokens), self.n if calls is None else calls))

    def release(self) -> Amount:
        """The provider did not bill: charge nothing."""
        return self._end(Amount())

    def forfeit(self) -> Amount:
        """Nobody can know what was billed (cancelled, timed out, no usage): charge everything held."""
        return self._end(self.cost)

    def _end(self, actual: Amount) -> Amount:
        """Charge `actual`, and return it."""
        with self._budget._lock:
            if not self._open:
                raise RuntimeError("this reservation was already ended")
            self._open = False
            self._budget._settle(self.cost, actual, final=self._final)
        return actual
