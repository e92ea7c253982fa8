"""Sync callers without twin code: one background event loop a process, on which async code runs for them.

The loop lives as long as the process, so clients that belong to it stay usable from call to call (with
`asyncio.run` per call they would not), and it works inside a running loop too. See docs/decisions/001.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from tts_agent.exceptions import ConfigurationError

T = TypeVar("T")

MOST_THREADS = 256
"""Blocking functions that run at once. One that itself waits for a synchronous run() occupies its thread meanwhile,
so asyncio's default (the processors plus 4) could be used up by functions that all wait for one more."""

CLEAN_UP_SECONDS = 10.0
"""How long an interrupted caller waits for cancelled work to settle its reservations."""


@dataclass(frozen=True, slots=True)
class _Background:
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread


_starting = threading.Lock()


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result; context variables of the caller are visible in it.

    An interrupt (Ctrl-C) cancels the coroutine and waits until it has cleaned up, so nothing stays reserved.

    Raises:
        ConfigurationError: called from the background loop itself, where waiting would never end.
    """
    background = _start()
    if threading.current_thread() is background.thread:
        coroutine.close()
        raise ConfigurationError("a synchronous run() was called from asynchronous code of ours: await arun() there")
    ended = threading.Event()
    tasks: list[asyncio.Task[T]] = []

    def begin() -> None:
        tasks.append(background.loop.create_task(coroutine))
        tasks[0].add_done_callback(lambda _: ended.set())

    def cancel() -> None:
        tasks[0].cancel()

    background.loop.call_soon_threadsafe(begin)
    try:
        ended.wait()
    except BaseException:
        background.loop.call_soon_threadsafe(cancel)  # runs after `begin`, even where that is still to come
        ended.wait(CLEAN_UP_SECONDS)
        raise
    return tasks[0].result()


def in_event_loop() -> bool:
    """Whether an event loop is running in this thread: it stands still while a synchronous call lasts."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _start() -> _Background:
    """The background loop of this process; a forked child starts its own."""
    with _starting:
        return _background_of(os.getpid())


@cache
def _background_of(process: int) -> _Background:
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(MOST_THREADS, thread_name_prefix="tts-agent-call"))
    thread = threading.Thread(target=_serve, args=(loop,), name=f"tts-agent-{process}", daemon=True)
    thread.start()
    return _Background(loop, thread)


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        with suppress(SystemExit, KeyboardInterrupt):  # asyncio stops the loop for them; they are the caller's to get
            loop.run_forever()
