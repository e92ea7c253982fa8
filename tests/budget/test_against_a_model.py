"""Random traffic on ledgers of every kind, beside a model that knows flights and bills and derives everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast
from uuid import uuid4

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.budget.conftest import NewStore
from tts_agent.budget import Amount, Ask, Budget, Busy, Reservation
from tts_agent.budget.amount import UNLIMITED
from tts_agent.budget.stored_book import StoredBook
from tts_agent.exceptions import BudgetExhausted
from tts_agent.testing.checked_budget import CheckedBudget

LEASE = 30.0


@dataclass(eq=False)
class Sheet:
    """An account as a few numbers."""

    parent: Sheet | None
    tokens: int
    calls: int
    reserve: int
    key: str | None
    """Of an account that processes share."""
    spent: Amount = field(default_factory=Amount)
    final_spent: int = 0

    def chain(self) -> list[Sheet]:
        return [self, *(self.parent.chain() if self.parent else [])]


@dataclass(eq=False)
class Node:
    """A budget, as one process has it."""

    real: Budget
    sheet: Sheet
    process: int


@dataclass(eq=False)
class Flight:
    """A reservation in flight."""

    node: Node
    grant: Reservation
    final: bool
    lapsed: bool = False

    def is_charged(self, sheet: Sheet) -> bool:
        """Whether its upper bound is spent there, because its lease lapsed."""
        return self.lapsed and sheet.key is not None


class Ledger(RuleBasedStateMachine):
    """One tree of budgets, in memory or in a store that several processes have open."""

    nodes = Bundle("nodes")
    flights = Bundle("flights")

    def __init__(self, new_store: NewStore | None, set_time: Callable[[float], None]) -> None:
        super().__init__()
        self.new_store = new_store
        self.set_time = set_time
        self.time = 1_000_000.0
        self.set_time(self.time)
        self.roots: list[Budget] = []
        self.tree: list[Node] = []
        self.flying: list[Flight] = []
        self.waiting: list[tuple[int, Busy]] = []

    @initialize(target=nodes, tokens=st.integers(20, 300), calls=st.integers(1, 12), reserve=st.integers(0, 19))
    def open_budget(self, tokens: int, calls: int, reserve: int) -> Node:
        self.key = uuid4().hex
        sheet = Sheet(None, tokens, calls, reserve, key=self.key if self.new_store else None)
        return self.opened(sheet)

    @precondition(lambda self: self.new_store and len(self.roots) < 3)
    @rule(target=nodes)
    def join(self) -> Node:
        return self.opened(self.tree[0].sheet)

    def opened(self, sheet: Sheet) -> Node:
        store = self.new_store(self.key, lease_seconds=LEASE) if self.new_store else None
        real = CheckedBudget(sheet.tokens, calls=sheet.calls, reserve_final=sheet.reserve, store=store)
        self.roots.append(real)
        return self.entered(Node(real, sheet, len(self.roots) - 1))

    @rule(target=nodes, above=nodes, tokens=st.integers(10, 300), reserve=st.integers(0, 9), key=st.booleans())
    def open_child(self, above: Node, tokens: int, reserve: int, key: bool) -> Node:
        name = f"child {len(self.tree)}" if key and above.sheet.key else None
        real = above.real.child(tokens, reserve_final=reserve, key=name)
        return self.entered(Node(real, Sheet(above.sheet, tokens, UNLIMITED, reserve, name), above.process))

    @rule(target=nodes, child=nodes, above=nodes)
    def join_child(self, child: Node, above: Node) -> object:
        sheet = child.sheet
        if sheet.key is None or sheet.parent is not above.sheet:
            return multiple()
        real = above.real.child(sheet.tokens, reserve_final=sheet.reserve, key=sheet.key)
        return self.entered(Node(real, sheet, above.process))

    def entered(self, node: Node) -> Node:
        self.tree.append(node)
        return node

    # ------------------------------------------------------------------------------------------------- the model

    def held(self, sheet: Sheet, *, final_only: bool = False) -> Amount:
        below = [f for f in self.flying if sheet in f.node.sheet.chain() and (f.final or not final_only)]
        return sum((f.grant.cost for f in below if not f.is_charged(sheet)), Amount())

    def spent(self, sheet: Sheet, *, final_only: bool = False) -> Amount:
        below = [f for f in self.flying if sheet in f.node.sheet.chain() and (f.final or not final_only)]
        settled = Amount(sheet.final_spent) if final_only else sheet.spent
        return sum((f.grant.cost for f in below if f.is_charged(sheet)), settled)

    def free(self, sheet: Sheet, *, final: bool, idle: bool) -> Amount:
        least = Amount(UNLIMITED, UNLIMITED, UNLIMITED)
        for above in sheet.chain():
            held = Amount() if idle else self.held(above)
            final_used = self.spent(above, final_only=True).tokens
            final_used += 0 if idle else self.held(above, final_only=True).tokens
            kept = 0 if final else max(0, above.reserve - final_used)
            limit = Amount(above.tokens, above.calls, UNLIMITED)
            least = least.least(limit - self.spent(above) - held - Amount(kept, kept > 0))
        return least

    # ------------------------------------------------------------------------------------------------ the traffic

    @rule(
        target=flights,
        node=nodes,
        n=st.integers(1, 4),
        prompt=st.integers(0, 20),
        most=st.integers(1, 40),
        final=st.booleans(),
    )
    def reserve(self, *, node: Node, n: int, prompt: int, most: int, final: bool) -> object:
        ask = Ask(prompt, n, most, min(3, most), final)
        plan = ask.fit(self.free(node.sheet, final=final, idle=True))
        try:
            grant = node.real.reserve(ask)
        except BudgetExhausted:
            assert plan is None
            return multiple()
        assert plan is not None
        fits_now = ask.cost(*plan).within(self.free(node.sheet, final=final, idle=False))
        if isinstance(grant, Busy):
            assert not fits_now
            assert any(self.held(above) != Amount() for above in node.sheet.chain()), "it waits for nothing"
            self.waiting.append((node.process, grant))
            return multiple()
        assert fits_now
        assert (grant.n, grant.max_tokens) == plan
        flight = Flight(node, grant, final)
        self.flying.append(flight)
        return flight

    @rule(flight=consumes(flights), part=st.floats(0.0, 1.0))
    def settle(self, flight: Flight, part: float) -> None:
        tokens = int(part * flight.grant.cost.tokens)
        self.end(flight, flight.grant.settle(tokens), Amount(tokens, flight.grant.n))

    @rule(flight=consumes(flights))
    def release(self, flight: Flight) -> None:
        self.end(flight, flight.grant.release(), Amount())

    @rule(flight=consumes(flights))
    def forfeit(self, flight: Flight) -> None:
        self.end(flight, flight.grant.forfeit(), flight.grant.cost)

    @rule(flight=consumes(flights), beyond=st.integers(1, 50))
    def overrun(self, flight: Flight, beyond: int) -> None:
        tokens = flight.grant.cost.tokens + beyond
        self.end(flight, flight.grant.settle(tokens), Amount(tokens, flight.grant.n))

    def end(self, flight: Flight, charged: Amount, expected: Amount) -> None:
        assert charged == expected
        self.flying.remove(flight)
        for above in flight.node.sheet.chain():
            above.spent += expected
            above.final_spent += expected.tokens if flight.final else 0
        woken = [busy.changed.done() for process, busy in self.waiting if process == flight.node.process]
        assert all(woken), "somebody was not woken"

    @precondition(lambda self: self.new_store)
    @rule(which=st.integers(0, 2))
    def a_process_stands_still_until_its_leases_lapse(self, which: int) -> None:
        still = which % len(self.roots)
        for _ in range(3):
            self.time += 0.4 * LEASE
            self.set_time(self.time)
            for number, root in enumerate(self.roots):
                if number != still:
                    assert isinstance(root._book, StoredBook)
                    root._book._tend()
        for flight in self.flying:
            flight.lapsed |= flight.node.process == still

    @invariant()
    def the_real_budgets_say_the_same(self) -> None:
        for node in self.tree:
            view = node.real.view()
            assert view.spent == self.spent(node.sheet)
            assert view.held == self.held(node.sheet)
            assert view.remaining == self.free(node.sheet, final=False, idle=False).most(Amount())

    def teardown(self) -> None:
        for flight in self.flying:
            flight.grant.release()
        assert all(node.real.held == Amount() for node in self.tree)


def run(new_store: NewStore | None, set_time: Callable[[float], None], examples: int) -> None:
    """Any callable that makes a machine will do, whatever the annotation says."""
    machine = cast("type[Ledger]", lambda: Ledger(new_store, set_time))
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=25))


def test_a_ledger_in_memory_does_what_the_model_says() -> None:
    run(None, lambda _: None, examples=40)


def test_a_ledger_in_a_store_does_what_the_model_says(new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def set_time(now: float) -> None:
        monkeypatch.setattr("tts_agent.budget.stored_book._now", lambda: now)

    run(new_store, set_time, examples=15)
