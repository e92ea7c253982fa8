"""Sync callers without twin code: one background event loop a process, on which async code runs for them.

The loop lives as long as the process, so clients that belong to it stay usable from call to call (with
`asyncio.run` per call they would not), and it works inside a running loop too. See docs/decisions/001.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner: int | None = None


def run_sync(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result; context variables of the caller are visible in it.

    An interrupt (Ctrl-C) cancels the coroutine and waits until it has cleaned up, so nothing stays reserved.
    """
    future = asyncio.run_coroutine_threadsafe(coroutine, _background_loop())
    try:
        return future.result()
    except BaseException:
        future.cancel()
        raise


def _background_loop() -> asyncio.AbstractEventLoop:
    global _loop, _owner
    with _lock:
        if _loop is None or _owner != os.getpid():
            _loop, _owner = asyncio.new_event_loop(), os.getpid()
            threading.Thread(target=_loop.run_forever, name="tts-agent", daemon=True).start()
        return _loop
