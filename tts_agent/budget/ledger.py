"""The ledger. Invariant, at every instant and from every thread: spent + held <= limit.

Only a provider that bills more than it was allowed can break it. That is charged and recorded as an overrun, and what
is spent beyond the limit is at most the excess of the calls that were in flight when it was reached. See
docs/decisions/005.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

from tts_agent.budget.account import Account, restore, saw
from tts_agent.budget.amount import Amount, Ask
from tts_agent.budget.book import Book, Busy, Page
from tts_agent.budget.grants import Path
from tts_agent.budget.limits import check_minimum, limits_of
from tts_agent.budget.promises import promised
from tts_agent.budget.reservation import Reservation
from tts_agent.budget.reserving import reserved
from tts_agent.budget.steps import Pacer, Progress, Steps
from tts_agent.budget.stored_book import StoredBook
from tts_agent.budget.stores.base import Store
from tts_agent.budget.tariffs import Tariff, priced
from tts_agent.budget.view import BudgetView, progress_of, view_of
from tts_agent.exceptions import BudgetExhausted, ConfigurationError


class Budget:
    """A hard cap on what a task spends, shared by any number of threads, tasks and child budgets.

    Args:
        tokens: most tokens (input + output) that may ever be spent; None for no limit.
        calls: most completions; None for no limit.
        money: most US dollars; None for no limit. Needs a price for every model that is called.
        seconds: wall-clock time from now on in which calls may be made; None for no limit.
        reserve_final: tokens that only calls marked `final` may use, kept for the last answer; with them one call and
            the money that they cost at most.
        tariffs: prices by model name, before and beside `LIST_PRICES`.
        pace: prices its tokens so that the steps to come fit in (`routing.Pace`). The budget is no less a hard cap.
        store: keeps the ledger where other processes share it (`SqliteStore`, `RedisStore`); None for memory. Whoever
            opens the same key shares the ledger, and has to give the same limits; `seconds` are each process's own.

    Raises:
        ConfigurationError: a limit is not positive, the reserve is not below the limit, or the ledger in the store was
            begun with other limits.
        BudgetUnavailable: the store is out of reach or damaged.
    """

    def __init__(
        self,
        tokens: int | None = None,
        *,
        calls: int | None = None,
        money: float | Decimal | None = None,
        seconds: float | None = None,
        reserve_final: int = 0,
        tariffs: Mapping[str, Tariff] | None = None,
        pace: Pacer | None = None,
        store: Store | None = None,
    ) -> None:
        self.limit = limits_of(tokens, calls=calls, money=money, seconds=seconds, reserve_final=reserve_final)
        self._deadline = math.inf if seconds is None else time.monotonic() + seconds
        self._priced = money is not None
        self._tariffs = dict(tariffs or {})
        self._paces: tuple[Pacer | None, ...] = (pace,)
        self._paths: tuple[Path, ...] = ((),)
        self._parent: Budget | None = None
        self._book = StoredBook(store) if store else Book()
        self._pages: tuple[Page, ...] = (Page(Account(self.limit, reserve_final)),)
        if store:
            self._open("")

    def child(
        self,
        tokens: int | None = None,
        *,
        calls: int | None = None,
        money: float | Decimal | None = None,
        seconds: float | None = None,
        reserve_final: int = 0,
        pace: Pacer | None = None,
        key: str | None = None,
    ) -> Budget:
        """A budget inside this one: what it spends counts here too, and neither limit can be passed.

        Nothing is set aside for it: what it does not spend stays with its parent.

        Args:
            key: names a child of a stored budget: it is in the store too, and whoever opens the same child shares it.
                A child without one is this process's own, and forgotten with it; what it spent its parent knows.

        Raises:
            ConfigurationError: a key for the child of a budget that is not in a store, or what `Budget` refuses.
        """
        child = type(self)(tokens, calls=calls, money=money, seconds=seconds, reserve_final=reserve_final, pace=pace)
        child._parent = self
        child._deadline = min(child._deadline, self._deadline)
        child._priced |= self._priced
        child._tariffs = self._tariffs
        child._book = self._book
        child._pages += self._pages
        child._paces += self._paces
        child._paths += self._paths
        if key is not None:
            child._open(f"{self._pages[0].name}/{key}")
        return child

    @contextmanager
    def grant(self, tokens: int | None = None, *, least: int, **limits: Any) -> Iterator[Budget]:
        """A child for a sub-agent, with a minimum of its own for as long as the block runs.

            with run.grant(20_000, least=3_000) as mine: ...

        What the minimum still lacks nobody else can spend meanwhile, in any process: calls that would are refused, and
        none waits for it, so that sub-agents never wait for each other. What was not used is anybody's afterwards; if
        the process dies, once its lease has lapsed.

        Args:
            tokens: most tokens of the child, as in `child`, and so the other limits.
            least: tokens it can count on. Inside a grant it comes out of that.

        Raises:
            BudgetExhausted: there is less than that left which nobody was promised.
            ConfigurationError: it is not above 0, or above the child's own limit; or what `child` refuses.
        """
        child, name = self.child(tokens, **limits), uuid4().hex
        check_minimum(least, child.limit, limits.get("key"))
        child._paths = ((), *((*path, name) for path in self._paths))
        with promised(self._book, self._pages, self._paths, name, least):
            yield child

    def _open(self, name: str) -> None:
        """Keep the account in the store under this name."""
        if not isinstance(self._book, StoredBook) or any(page.name is None for page in self._pages[1:]):
            raise ConfigurationError("only a child of a budget that is in a store itself can have a key")
        self._pages[0].name = name
        self._book.open(self._pages[0])

    @property
    def stored(self) -> bool:
        """Whether it is kept where other processes share it: then everything that asks or changes it is I/O."""
        return self._book.stored

    def inside(self, other: Budget) -> bool:
        """Whether everything spent here counts there too: it is that budget, or a child of it at any depth.

        Budgets that were opened under the same key of a store are the same budget.
        """
        mine, theirs = self._pages[0].account.id, other._pages[0].account.id
        same = self is other or (mine != "" and mine == theirs)
        return same or (self._parent is not None and self._parent.inside(other))

    @property
    def spent(self) -> Amount:
        """What was settled or forfeited so far."""
        return self._book.change(self._pages, lambda chain: chain[0].spent)

    @property
    def held(self) -> Amount:
        """What reservations in flight may still cost."""
        return self._book.change(self._pages, lambda chain: chain[0].held)

    @property
    def overruns(self) -> int:
        """How often a provider reported more than it was allowed, here and in child budgets."""
        return self._book.change(self._pages, lambda chain: chain[0].overruns)

    @property
    def seconds_left(self) -> float | None:
        """Until the deadline of this budget or of one above, 0 after it; None without one."""
        return None if math.isinf(self._deadline) else max(0.0, self._deadline - time.monotonic())

    def view(self, kind: str = "", call_tokens: int = 0) -> BudgetView:
        """A consistent snapshot, with the price of a token for a step of class `kind` whose first call took so many
        tokens (0: there was none yet); unpriced where no step asks."""
        seconds, paths = self.seconds_left, self._paths

        def step(chain: Sequence[Account]) -> tuple[BudgetView, list[tuple[Pacer, Progress]]]:
            return view_of(chain, paths, seconds), progress_of(chain, paths, self._paces) if kind else []

        view, progress = self._book.change(self._pages, step)
        return replace(view, price=max((pacer.price(kind, call_tokens, seen) for pacer, seen in progress), default=0.0))

    @property
    def paced(self) -> bool:
        """Whether this budget or one above has a pace: its finished steps are then counted."""
        return any(self._paces)

    @property
    def steps(self) -> Steps:
        """The steps that were finished on it, and what was said of those to come; counted where it is `paced`."""
        return self._book.change(self._pages, lambda chain: chain[0].steps)

    def finished(self, kind: str, spent: Amount, price: float = 1.0) -> None:
        """A step of class `kind` is done, on which this was spent, decided at this `price` of a token. It counts in
        every budget above too. Nothing is charged: its calls were. Never fails: what a store cannot be told now it is
        told later."""
        self._book.end(self._pages, lambda chain: saw(chain, kind, spent, price))

    def expect(self, steps: int | Mapping[str, int]) -> None:
        """So many steps of this budget's task are to come, in all or by class, says who knows: a plan that was just
        made. Every process on the ledger goes by it; each step that ends leaves one less. Said again, it holds anew.

        Raises:
            ConfigurationError: that is no number of steps.
        """

        def step(chain: Sequence[Account]) -> None:
            chain[0].steps = chain[0].steps.expecting(steps)

        self._book.change(self._pages, step)

    def snapshot(self) -> dict[str, Any]:
        """What was spent and is held, ready for JSON (money in nano-dollars); `Amount(**it["spent"])` reads it back."""
        view = self.view()
        return {"spent": asdict(view.spent), "held": asdict(view.held), "overruns": view.overruns}

    def at_least(self, spent: Amount, steps: Steps | None = None) -> None:
        """This much is known to be spent: for a ledger restored from a record that outlived it. Never lowers anything.

        Every budget above has then spent at least as much, and seen the steps. It does not add up: saying it twice
        changes nothing.
        """
        self._book.change(self._pages, lambda chain: restore(chain, spent, steps))
        self._book.wake()

    def reserve(self, ask: Ask) -> Reservation | Busy:
        """Plan and reserve in one atomic step.

        Degrades to fewer samples, then to a shorter completion, when even an idle budget could not pay for
        the whole call. When only reservations in flight are in the way it reserves nothing and says `Busy`.

        Raises:
            BudgetExhausted: not even the smallest useful call fits, now or later, or the time is up.
            ConfigurationError: money is limited, and nobody gave a price for the model.
        """
        if self.seconds_left == 0.0:
            raise BudgetExhausted("the budget's time is up")
        if self._priced and ask.tariff is None:
            ask = replace(ask, tariff=priced(ask.model, self._tariffs))
        return reserved(self._book, self._pages, self._paths, self._paces, ask, deadline=self._deadline)
