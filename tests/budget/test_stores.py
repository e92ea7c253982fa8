"""A ledger that processes share: the same promises, and what happens when one of them, or the store, goes away."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.budget.conftest import NewStore
from tests.budget.servers import RedisServer, redis_server
from tts_agent.budget import Amount, Ask, Budget, Busy, RedisStore, Reservation, SqliteStore, Store, Tariff
from tts_agent.budget.stored_book import StoredBook
from tts_agent.exceptions import BudgetExhausted, BudgetUnavailable, ConfigurationError

CALL = Ask(10, 1, 20, 5)
LEASE = 30.0


def granted(budget: Budget, ask: Ask = CALL) -> Reservation:
    grant = budget.reserve(ask)
    assert isinstance(grant, Reservation)
    return grant


def refused(budget: Budget) -> Busy:
    grant = budget.reserve(CALL)
    assert isinstance(grant, Busy)
    return grant


def renew(budget: Budget) -> None:
    """What the clock does three times a lease."""
    assert isinstance(budget._book, StoredBook)
    budget._book._tend()


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock that leases are measured by."""
    times = [1_000_000.0]
    monkeypatch.setattr("tts_agent.budget.stored_book._now", lambda: times[0])

    def go_on(seconds: float) -> None:
        times[0] += seconds

    return go_on


# ------------------------------------------------------------------------------------------------------- sharing


def test_the_same_key_is_the_same_ledger_and_another_key_another(new_store: NewStore) -> None:
    here, there = Budget(100, store=new_store("shared")), Budget(100, store=new_store("shared"))
    other = Budget(100, store=new_store("other"))
    grant = granted(here)
    assert there.held == Amount(30, 1)
    grant.settle(20)
    assert here.spent == there.spent == Amount(20, 1)
    assert granted(there, Ask(10, 9, 20)).n == 2
    assert other.spent == other.held == Amount()
    assert here.stored
    assert not Budget(100).stored


def test_money_and_overruns_are_shared_too(new_store: NewStore) -> None:
    tariffs = {"m": Tariff(1e6, 1e6)}
    here, there = (Budget(money=100.0, tariffs=tariffs, store=new_store("money")) for _ in range(2))
    granted(here, Ask(10, 1, 20, model="m")).settle(35)
    assert (there.spent.dollars, there.overruns) == (35.0, 1)
    assert granted(there, Ask(10, 9, 20, model="m")).n == 2


def test_whoever_opens_a_ledger_has_to_give_its_limits(new_store: NewStore) -> None:
    Budget(100, reserve_final=10, store=new_store("limits"))
    with pytest.raises(
        ConfigurationError, match=r"begun with other limits \(100 tokens, 10 in reserve, not 200 tokens"
    ):
        Budget(200, reserve_final=10, store=new_store("limits"))
    with pytest.raises(ConfigurationError, match="open it with the same, or choose another key"):
        Budget(100, store=new_store("limits"))
    Budget(100, reserve_final=10, seconds=5.0, store=new_store("limits"))  # time is each process's own


def test_a_child_with_a_key_is_shared_and_one_without_is_not(new_store: NewStore) -> None:
    here, there = Budget(100, store=new_store("family")), Budget(100, store=new_store("family"))
    granted(here.child(50, key="anna")).settle(20)
    granted(here.child(50)).settle(10)
    assert there.child(50, key="anna").spent == Amount(20, 1)
    assert there.child(50).spent == Amount()
    assert there.spent == Amount(30, 2)
    assert granted(there.child(50, key="anna").child(100), Ask(10, 9, 20)).n == 1
    with pytest.raises(ConfigurationError, match="begun with other limits"):
        there.child(60, key="anna")


def test_budgets_under_the_same_key_are_inside_each_other(new_store: NewStore) -> None:
    here, there, other = (Budget(100, store=new_store(key)) for key in ("same", "same", "another"))
    assert here.child(50).inside(there)
    assert here.child(50, key="anna").child(10).inside(there.child(50, key="anna"))
    assert not here.inside(there.child(50, key="anna"))
    assert not here.inside(other)
    assert not there.child(50).inside(here.child(50))
    assert not Budget(100).inside(Budget(100))


def test_a_key_needs_a_parent_that_others_can_find(new_store: NewStore) -> None:
    for parent in (Budget(100), Budget(100, store=new_store()).child(50)):
        with pytest.raises(
            ConfigurationError, match="only a child of a budget that is in a store itself can have a key"
        ):
            parent.child(10, key="anna")


def test_what_is_restored_is_known_to_everybody(new_store: NewStore) -> None:
    here, there = Budget(100, store=new_store("restored")), Budget(100, store=new_store("restored"))
    here.child(90).at_least(Amount(80, 2))
    assert there.spent == Amount(80, 2)


# ------------------------------------------------------------------------------------------------------- waiting


def test_whoever_waits_is_woken_at_once_from_here_and_soon_from_elsewhere(new_store: NewStore) -> None:
    here, there = Budget(30, store=new_store("waiting")), Budget(30, store=new_store("waiting"))
    grant = granted(here)
    near = refused(here)
    far: Reservation | Busy = refused(there)
    grant.release()
    assert near.changed.done()
    while isinstance(far, Busy):
        far.changed.result(timeout=60)
        far = there.reserve(CALL)
    far.release()


# -------------------------------------------------------------------------------------------------------- leases


def test_what_a_dead_process_held_is_charged_in_full_after_its_lease(
    new_store: NewStore, pass_time: Callable[[float], None]
) -> None:
    dead, alive = (Budget(100, store=new_store("dead", lease_seconds=LEASE)) for _ in range(2))
    granted(dead)
    granted(dead, Ask(10, 1, 20, final=True))
    pass_time(LEASE - 1)
    assert alive.held == Amount(60, 2)
    pass_time(2)
    assert (alive.held, alive.spent) == (Amount(), Amount(60, 2))


def test_a_living_process_keeps_its_lease(new_store: NewStore, pass_time: Callable[[float], None]) -> None:
    busy, other = (Budget(100, store=new_store("alive", lease_seconds=LEASE)) for _ in range(2))
    child = busy.child(50, key="child")
    grant = granted(child)
    for _ in range(5):
        pass_time(LEASE / 2)
        renew(busy)
    assert other.held == other.child(50, key="child").held == Amount(30, 1)
    grant.settle(5)
    assert (other.held, other.spent) == (Amount(), Amount(5, 1))


def test_the_clock_renews_a_lease_by_itself(new_store: NewStore) -> None:
    store = new_store("clock", lease_seconds=1.0)
    renewed = threading.Event()
    swap = store.swap

    def watch(names: Sequence[str], before: Sequence[str | None], after: Sequence[str]) -> bool:
        if threading.current_thread().name == "tts-agent-ledger-clock":
            renewed.set()
        return swap(names, before, after)

    store.swap = watch  # type: ignore[method-assign]
    grant = granted(Budget(100, store=store))
    assert renewed.wait(60)
    grant.release()


def test_a_settlement_after_the_lease_corrects_the_charge(
    new_store: NewStore, pass_time: Callable[[float], None]
) -> None:
    slow, other = (Budget(100, store=new_store("slow", lease_seconds=LEASE)) for _ in range(2))
    child = slow.child(50)
    late, released = granted(child, Ask(10, 1, 20, final=True)), granted(slow)
    pass_time(LEASE + 1)
    assert other.spent == Amount(60, 2)
    assert child.held == Amount(30, 1)  # in this process it is in flight, as it is
    fresh = granted(slow)
    late.settle(7)
    released.release()
    assert (other.spent, other.held) == (Amount(7, 1), Amount(30, 1))
    assert (child.spent, child.held) == (Amount(7, 1), Amount())
    fresh.settle(35)
    assert (other.spent, other.overruns) == (Amount(42, 2), 1)


def test_a_store_needs_a_key_and_a_lease_that_can_be_kept(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="needs a key that is not empty"):
        SqliteStore(tmp_path / "ledger.db", "")
    with pytest.raises(ConfigurationError, match=r"a lease of 0.5 seconds cannot be kept: give 1.0 or more"):
        RedisStore("redis://127.0.0.1", "key", lease_seconds=0.5)


# ------------------------------------------------------------------------------------------------- forked children


@contextmanager
def locked_elsewhere(budget: Budget) -> Iterator[None]:
    """Another thread is in the middle of something."""
    locked, over = threading.Event(), threading.Event()

    def hold() -> None:
        with budget._book.lock:
            locked.set()
            over.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    locked.wait(60)
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_shares_the_ledger_and_leaves_its_parents_calls_alone(new_store: NewStore) -> None:
    budget = Budget(100, store=new_store("forked"))
    inherited = granted(budget)
    with locked_elsewhere(budget):
        child = os.fork()
        if child == 0:
            try:
                inherited.settle(1)
                granted(budget).settle(11)
                granted(budget)
            finally:
                os._exit(0 if budget.held == Amount(60, 2) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (budget.spent, budget.held) == (Amount(11, 1), Amount(60, 2))
    inherited.settle(2)
    assert (budget.spent, budget.held) == (Amount(13, 2), Amount(30, 1))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_forked_child_has_a_copy_of_a_ledger_in_memory() -> None:
    budget = Budget(100)
    grant = granted(budget)
    with locked_elsewhere(budget):
        child = os.fork()
        if child == 0:
            try:
                granted(budget).settle(11)
            finally:
                os._exit(0 if budget.spent == Amount(11, 1) else 1)
    assert os.waitpid(child, 0)[1] == 0
    grant.settle(5)
    assert budget.spent == Amount(5, 1)


# --------------------------------------------------------------------------------------------- stores that go away


class Unreliable:
    """A store behind a network that fails as it is told."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lease_seconds = store.lease_seconds
        self.reads_fail = False
        self.answers_are_lost = False
        self.lost_races = 0

    def read(self, names: Sequence[str]) -> list[str | None]:
        if self.reads_fail:
            raise BudgetUnavailable("no connection")
        return self.store.read(names)

    def swap(self, names: Sequence[str], before: Sequence[str | None], after: Sequence[str]) -> bool:
        if self.lost_races:
            self.lost_races -= 1
            return False
        swapped = self.store.swap(names, before, after)
        if self.answers_are_lost:
            raise BudgetUnavailable("no answer")
        return swapped


def test_without_its_store_a_budget_grants_nothing_and_forgets_nothing(new_store: NewStore) -> None:
    store = Unreliable(new_store("outage"))
    budget, other = Budget(100, store=store), Budget(100, store=new_store("outage"))
    child = budget.child(50)
    grant = granted(child)
    store.reads_fail = True
    with pytest.raises(BudgetUnavailable, match="no connection"):
        budget.reserve(CALL)
    assert grant.settle(8) == Amount(8, 1)  # the reply is paid for: the store is told later
    renew(budget)
    assert other.held == Amount(30, 1)
    store.reads_fail = False
    renew(budget)
    assert (other.spent, other.held) == (child.spent, child.held) == (Amount(8, 1), Amount())


def test_a_lost_race_leaves_no_trace(new_store: NewStore) -> None:
    store = Unreliable(new_store())
    budget = Budget(100, store=store)
    child = budget.child(50)
    store.lost_races = 3
    grant = granted(child)
    assert (budget.held, child.held) == (Amount(30, 1), Amount(30, 1))
    store.lost_races = 3
    grant.settle(8)
    assert (budget.spent, budget.held) == (child.spent, child.held) == (Amount(8, 1), Amount())


def test_an_end_whose_answer_was_lost_is_not_told_twice(
    new_store: NewStore, pass_time: Callable[[float], None]
) -> None:
    store = Unreliable(new_store("doubt", lease_seconds=LEASE))
    budget, other = Budget(200, store=store), Budget(200, store=new_store("doubt", lease_seconds=LEASE))
    child = budget.child(100)
    first, second = granted(child), granted(child)
    store.answers_are_lost = True
    first.settle(8)
    store.answers_are_lost = False
    renew(budget)
    assert (other.spent, other.held) == (Amount(8, 1), Amount(30, 1))
    assert (child.spent, child.held) == (Amount(8, 1), Amount(30, 1))
    pass_time(LEASE + 1)
    assert other.spent == Amount(38, 2)
    second.settle(2)
    assert (other.spent, other.held) == (Amount(10, 2), Amount())


def test_a_reservation_whose_answer_was_lost_is_nobodys_and_lapses(
    new_store: NewStore, pass_time: Callable[[float], None]
) -> None:
    store = Unreliable(new_store("nobody", lease_seconds=LEASE))
    budget = Budget(100, store=store)
    store.answers_are_lost = True
    with pytest.raises(BudgetUnavailable, match="no answer"):
        budget.reserve(CALL)
    store.answers_are_lost = False
    kept = granted(budget)
    for _ in range(3):
        pass_time(LEASE / 2)
        renew(budget)
    assert (budget.spent, budget.held) == (Amount(30, 1), Amount(30, 1))
    kept.release()


def damage(store: Store, text: str | None) -> None:
    """Write behind the ledger's back, or delete it."""
    if isinstance(store, SqliteStore):
        database = sqlite3.connect(store._path)
        with database:
            if text is None:
                database.execute("DELETE FROM tts_agent_accounts WHERE ledger = ?", (store._key,))
            else:
                database.execute("UPDATE tts_agent_accounts SET text = ? WHERE ledger = ?", (text, store._key))
        database.close()
    elif isinstance(store, RedisStore):
        key = f"tts-agent:{store._key}"
        store._client.delete(key) if text is None else store._client.hset(key, "", text)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (None, "is gone from its store: what was spent is not known"),
        ("{", "is damaged or foreign"),
        ("[]", "is damaged or foreign: it is no account of a ledger"),
        ("{}", "is damaged or foreign: it is no account of a ledger"),
        ('{"version": 99}', "is damaged or foreign: its version is 99, not 1"),
    ],
)
def test_a_ledger_that_is_gone_or_damaged_grants_nothing(new_store: NewStore, text: str | None, what: str) -> None:
    store = new_store()
    budget = Budget(100, store=store)
    grant = granted(budget)
    damage(store, text)
    for ask in (lambda: budget.reserve(CALL), lambda: budget.spent, budget.view):
        with pytest.raises(BudgetUnavailable, match=what):
            ask()
    grant.settle(5)
    if text is not None:
        with pytest.raises(BudgetUnavailable, match=what):
            Budget(100, store=store)


def test_a_ledger_that_was_begun_anew_is_not_taken_for_the_old_one(new_store: NewStore) -> None:
    store = new_store("anew")
    old = Budget(100, store=store)
    grant = granted(old)
    damage(store, None)
    new = Budget(100, store=new_store("anew"))
    with pytest.raises(BudgetUnavailable, match="was begun anew"):
        old.reserve(CALL)
    grant.settle(1)
    renew(old)
    assert (new.spent, new.held) == (Amount(), Amount())


def test_a_file_that_is_no_ledger_or_cannot_be_opened_is_one_clear_error(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Anna, " * 100)
    with pytest.raises(
        BudgetUnavailable, match=r"the ledger 'key' in .*letter.txt cannot be used: file is not a database"
    ):
        Budget(100, store=SqliteStore(letter, "key"))
    with pytest.raises(BudgetUnavailable, match="unable to open database file"):
        Budget(100, store=SqliteStore(tmp_path / "nowhere" / "ledger.db", "key"))


def test_a_file_that_many_open_for_the_first_time_at_once_is_opened_by_all(tmp_path: Path) -> None:
    at_once = threading.Barrier(8)

    def first(number: int) -> Budget:
        at_once.wait(60)
        return Budget(100, store=SqliteStore(tmp_path / "ledger.db", "key"))

    with ThreadPoolExecutor(8) as pool:
        budgets = list(pool.map(first, range(8)))
    granted(budgets[0]).settle(3)
    assert all(budget.spent == Amount(3, 1) for budget in budgets)


def test_a_file_that_somebody_keeps_locked_is_an_outage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_agent.budget.stores.sqlite.LOCK_SECONDS", 0.01)
    monkeypatch.setattr("tts_agent.budget.stored_book.PATIENCE", 0.05)
    budget = Budget(100, store=SqliteStore(tmp_path / "ledger.db", "key"))
    grant = granted(budget)
    with sqlite3.connect(tmp_path / "ledger.db", isolation_level=None) as greedy:
        greedy.execute("BEGIN IMMEDIATE")
        with pytest.raises(BudgetUnavailable, match="is too busy: no turn in 0 seconds"):
            budget.reserve(CALL)
        grant.settle(5)
        greedy.execute("ROLLBACK")
    greedy.close()
    renew(budget)
    assert (budget.spent, budget.held) == (Amount(5, 1), Amount())


def test_a_redis_that_goes_away_is_one_clear_error_without_its_password(tmp_path: Path) -> None:
    with redis_server(tmp_path, password="geheim") as server:
        budget = Budget(100, store=RedisStore(server.url, "key"))
        grant = granted(budget)
        server.stop()
        with pytest.raises(
            BudgetUnavailable, match=r"the ledger 'key' in Redis at 127.0.0.1:\d+/0 cannot be used"
        ) as gone:
            budget.reserve(CALL)
        assert grant.settle(5) == Amount(5, 1)
        with pytest.raises(BudgetUnavailable) as wrong:
            Budget(100, store=RedisStore(server.url, "key"))
        server.start()
        with pytest.raises(BudgetUnavailable, match="is gone from its store"):  # it kept nothing on disk
            budget.reserve(CALL)
        with pytest.raises(BudgetUnavailable, match="invalid username-password pair") as denied:
            Budget(100, store=RedisStore(server.url.replace("geheim", "falsch"), "key"))
    for error in (gone, wrong, denied):
        assert "geheim" not in str(error.value)
        assert "falsch" not in str(error.value)
        assert error.value.__suppress_context__
    assert isinstance(gone.value, BudgetExhausted)


@pytest.mark.parametrize("url", ["", "localhost:6379", "redis://:pass@host:word@x:port/0"])
def test_a_url_that_is_none_is_refused_without_quoting_it(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"a RedisStore needs a url like redis://user:password@host:6379/0$"):
        RedisStore(url, "key")


def test_a_key_of_another_program_is_not_touched(redis: RedisServer) -> None:
    with redis.client() as client:
        client.set("tts-agent:taken", "mine")
        with pytest.raises(BudgetUnavailable, match="WRONGTYPE"):
            Budget(100, store=RedisStore(redis.url, "taken"))
        assert client.get("tts-agent:taken") == "mine"
