"""Synchronous callers: one background event loop, on which async code runs for them."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tts_agent.budget import Amount
from tts_agent.driver import Driver
from tts_agent.effects import generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.sampling import SampleRequest
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.scripted import ScriptedSampler

ROOT = Path(__file__).parents[1]
REQUEST = SampleRequest((user("What is 2 + 2?"),), max_tokens=10)


class Interrupt(BaseException):
    """What Ctrl-C would raise, but for the end of the test run."""


@contextmanager
def interrupted(after: float = 0.05) -> Iterator[None]:
    """Raise `Interrupt` in this thread, wherever it then is."""

    def strike() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    def handler(number: int, frame: object) -> None:
        raise Interrupt

    before = signal.signal(signal.SIGUSR1, handler)
    timer = threading.Timer(after, strike)
    timer.start()
    try:
        with pytest.raises(Interrupt):
            yield
    finally:
        timer.join()
        signal.signal(signal.SIGUSR1, before)


async def value() -> int:
    await asyncio.sleep(0)
    return 4


async def where() -> tuple[asyncio.AbstractEventLoop, threading.Thread]:
    return asyncio.get_running_loop(), threading.current_thread()


def test_it_returns_the_result_or_raises_the_error() -> None:
    async def broken() -> int:
        raise ZeroDivisionError

    assert run_sync(value()) == 4
    with pytest.raises(ZeroDivisionError):
        run_sync(broken())


def test_the_loop_lives_on_from_call_to_call_in_a_thread_of_its_own() -> None:
    loop, thread = run_sync(where())
    assert run_sync(where()) == (loop, thread)
    assert thread is not threading.current_thread()
    assert thread.daemon


async def test_it_works_inside_a_running_loop() -> None:
    assert run_sync(value()) == 4
    loop, _ = run_sync(where())
    assert loop is not asyncio.get_running_loop()


def test_many_threads_share_it() -> None:
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda _: run_sync(value()), range(64))) == [4] * 64
        assert len(set(pool.map(lambda _: run_sync(where())[0], range(16)))) == 1


def test_the_callers_context_variables_are_visible_and_stay_the_callers() -> None:
    seen = contextvars.ContextVar("seen", default="nothing")

    async def look() -> str:
        found = seen.get()
        seen.set("changed inside")
        return found

    token = seen.set("the caller's")
    assert run_sync(look()) == "the caller's"
    assert seen.get() == "the caller's"
    seen.reset(token)


def test_calling_it_from_its_own_loop_is_an_error_and_no_endless_wait() -> None:
    async def nested() -> int:
        return run_sync(value())

    with pytest.raises(ConfigurationError, match="await arun"):
        run_sync(nested())


def test_it_may_be_called_from_a_thread_that_its_own_work_waits_for() -> None:
    async def nested() -> int:
        return await asyncio.to_thread(lambda: run_sync(value()))

    assert run_sync(nested()) == 4


def test_many_blocking_functions_may_wait_for_work_that_needs_a_thread_itself() -> None:
    together = threading.Barrier(48)  # more than the threads asyncio would give

    def function() -> int:
        together.wait(60)
        return run_sync(asyncio.to_thread(lambda: 4))

    async def nested() -> list[int]:
        return await asyncio.gather(*(asyncio.to_thread(function) for _ in range(48)))

    assert run_sync(nested()) == [4] * 48


def test_an_interrupt_cancels_the_work_and_waits_until_it_has_cleaned_up() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600.0)
        finally:
            await asyncio.sleep(0.1)
            cleaned.append("up")

    with interrupted():
        run_sync(work())
    assert cleaned == ["up"]


def test_after_an_interrupt_nothing_stays_reserved() -> None:
    budget = CheckedBudget(100)
    sampler = ScriptedSampler(["4"], latency=3600.0)
    with interrupted(0.1):
        run_sync(Driver(sampler, budget).run(generate(REQUEST, 1)))
    assert len(sampler.calls) == 1
    assert (budget.held, budget.spent.calls) == (Amount(), 1)


def test_work_that_is_interrupted_before_it_began_never_begins() -> None:
    begun: list[str] = []

    async def work() -> None:
        begun.append("work")

    loop, _ = run_sync(where())
    loop.call_soon_threadsafe(time.sleep, 0.3)
    started = time.monotonic()
    with interrupted(0.1):
        run_sync(work())
    assert time.monotonic() - started < 5.0
    assert run_sync(value()) == 4
    assert begun == []


def test_work_that_was_cancelled_from_within_is_reported_as_cancelled() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run_sync(cancelled())
    assert run_sync(value()) == 4


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_work_that_exits_ends_its_caller_and_not_the_loop(error: type[BaseException]) -> None:
    async def leave() -> None:
        await asyncio.sleep(0)
        raise error

    def call() -> str:
        try:
            run_sync(leave())
        except error:
            return "left"
        return "stayed"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(call).result(timeout=30) == "left"
        assert pool.submit(run_sync, value()).result(timeout=30) == 4


FORKING = """
import os, sys, warnings
warnings.simplefilter("ignore")  # forking beside threads is what this is about
from tts_agent.portal import run_sync

async def value():
    return 4

assert run_sync(value()) == 4
child = os.fork()
if child == 0:
    os._exit(run_sync(value()))
_, status = os.waitpid(child, 0)
assert run_sync(value()) == 4
print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_has_a_loop_of_its_own() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FORKING], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    assert ran.stdout.split() == ["4"], ran.stderr
