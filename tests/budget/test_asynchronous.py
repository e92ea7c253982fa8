"""A ledger that is I/O, on an event loop: the loop goes on, and interrupts lose nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tts_agent.budget import Amount, Ask, AsyncBudget, Budget, Busy, Reservation, SqliteStore
from tts_agent.driver import Driver
from tts_agent.effects import balance, generate
from tts_agent.messages import user
from tts_agent.sampling import SampleBatch, SampleRequest
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.scripted import Script, ScriptedSampler

CALL = Ask(10, 1, 20)
REQUEST = SampleRequest((user("What is 2 + 2?"),), max_tokens=10)


class SlowStore(SqliteStore):
    """Answers when it is allowed to."""

    answering = threading.Event()
    answering.set()

    def read(self, names: Sequence[str]) -> list[str | None]:
        assert self.answering.wait(60)
        return super().read(names)

    @contextmanager
    def stuck(self) -> Iterator[None]:
        self.answering.clear()
        try:
            yield
        finally:
            self.answering.set()


@pytest.fixture
def store(quick_folder: Path, request: pytest.FixtureRequest) -> SlowStore:
    return SlowStore(quick_folder / "asynchronous.db", request.node.name)


async def emptied(budget: Budget) -> None:
    """Nothing is held any more; what ends in other threads has a moment for it."""
    for _ in range(2000):
        if budget.held == Amount():
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{budget.held} stayed reserved")


async def test_in_memory_it_answers_at_once() -> None:
    ledger = AsyncBudget(budget := Budget(100))
    grant = await ledger.reserve(CALL)
    assert isinstance(grant, Reservation)
    assert (await ledger.view()).held == Amount(30, 1)
    assert await ledger.end(partial(grant.settle, 5)) == Amount(5, 1)
    lost = await ledger.reserve(CALL)
    assert isinstance(lost, Reservation)
    assert ledger.forfeit(lost) == Amount(30, 1)
    assert budget.spent == Amount(35, 2)


async def test_the_loop_goes_on_while_a_store_is_slow(store: SlowStore) -> None:
    budget = Budget(100, store=store)
    ledger = AsyncBudget(budget)
    with store.stuck():
        reserving = asyncio.ensure_future(ledger.reserve(CALL))
        for _ in range(5):
            await asyncio.sleep(0.001)
        assert not reserving.done()
    grant = await reserving
    assert isinstance(grant, Reservation)
    with store.stuck():
        settling = asyncio.ensure_future(ledger.end(partial(grant.settle, 5)))
        await asyncio.sleep(0.001)
        assert not settling.done()
    assert await settling == Amount(5, 1)
    assert budget.spent == Amount(5, 1)


async def test_a_reservation_whose_caller_gave_up_is_given_back(store: SlowStore) -> None:
    budget = Budget(100, store=store)
    with store.stuck():
        reserving = asyncio.ensure_future(AsyncBudget(budget).reserve(CALL))
        await asyncio.sleep(0.001)
        reserving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reserving
    await emptied(budget)
    assert budget.spent == Amount()


async def test_an_end_whose_caller_gave_up_is_still_booked(store: SlowStore) -> None:
    budget = Budget(100, store=store)
    grant = await AsyncBudget(budget).reserve(CALL)
    assert isinstance(grant, Reservation)
    with store.stuck():
        settling = asyncio.ensure_future(AsyncBudget(budget).end(partial(grant.settle, 5)))
        await asyncio.sleep(0.001)
        settling.cancel()
        with pytest.raises(asyncio.CancelledError):
            await settling
    await emptied(budget)
    assert budget.spent == Amount(5, 1)


async def test_a_driver_works_on_a_stored_ledger(store: SlowStore) -> None:
    budget = CheckedBudget(100, store=store)
    driver = Driver(ScriptedSampler(["4", "5"]), budget)
    batch = await driver.run(generate(REQUEST, 2))
    assert len(batch.samples) == 2
    assert budget.spent == driver.charged == Amount(12, 2)
    assert (await driver.run(balance())).spent == Amount(12, 2)


class Hanging(ScriptedSampler):
    """Never answers."""

    def __init__(self, replies: Script) -> None:
        super().__init__(replies, latency=3600.0)
        self.asked = asyncio.Event()

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        self.asked.set()
        return await super().sample(request, n)


async def test_a_call_that_is_interrupted_is_charged_in_full_in_the_store_too(store: SlowStore) -> None:
    budget = CheckedBudget(100, store=store)
    driver = Driver(sampler := Hanging(["4"]), budget)
    task = asyncio.ensure_future(driver.run(generate(REQUEST, 1)))
    await sampler.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await emptied(budget)
    assert budget.spent == driver.charged == Amount(15, 1)


def in_loops_at_once(loops: int, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """So many event loops, each in a thread of its own; what one raises is raised."""
    with ThreadPoolExecutor(loops) as threads:
        for running in [threads.submit(lambda: asyncio.run(work())) for _ in range(loops)]:
            running.result(timeout=60)


@pytest.mark.parametrize("stored", [False, True])
def test_a_ledger_serves_several_event_loops_one_after_the_other_and_at_once(store: SlowStore, stored: bool) -> None:
    """A few calls fit at a time: those who wait are woken by calls that end in other loops."""
    budget = CheckedBudget(30 + 4 * 5 * 10, store=store if stored else None)
    ledger = AsyncBudget(budget)

    async def call() -> None:
        while isinstance(grant := await ledger.reserve(Ask(10, 1, 20, 20)), Busy):
            await asyncio.wrap_future(grant.changed)
        await asyncio.sleep(0.001)
        await ledger.end(partial(grant.settle, 5))

    async def several() -> None:
        await asyncio.gather(*(call() for _ in range(5)))

    for _ in range(2):
        asyncio.run(several())
    in_loops_at_once(6, several)
    assert (budget.spent, budget.held) == (Amount(5 * 40, 40), Amount())


@pytest.mark.parametrize("stored", [False, True])
def test_a_loop_that_ends_with_callers_waiting_does_not_keep_others_from_their_turn(
    store: SlowStore, stored: bool
) -> None:
    budget = Budget(30, store=store if stored else None)
    ledger = AsyncBudget(budget)
    first = budget.reserve(CALL)
    assert isinstance(first, Reservation)

    async def wait() -> None:
        while isinstance(grant := await ledger.reserve(CALL), Busy):
            await asyncio.wrap_future(grant.changed)
        await ledger.end(grant.release)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(wait(), 0.05)

    asyncio.run(give_up())
    first.release()
    asyncio.run(wait())
    assert (budget.spent, budget.held) == (Amount(), Amount())
