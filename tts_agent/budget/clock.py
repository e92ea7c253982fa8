"""One alarm clock a process: a daemon thread that wakes waiters and renews leases. Started when first needed."""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable
from weakref import WeakMethod

log = logging.getLogger(__name__)


class _Clock:
    def __init__(self) -> None:
        self._alarms: list[tuple[float, int, WeakMethod[Callable[[], None]]]] = []
        self._numbers = itertools.count()  # alarms for the same instant ring in the order they were set
        self._set = threading.Condition()
        self._thread: threading.Thread | None = None

    def set(self, when: float, ring: Callable[[], None]) -> None:
        with self._set:
            heapq.heappush(self._alarms, (when, next(self._numbers), WeakMethod(ring)))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="tts-agent-ledger-clock", daemon=True)
                self._thread.start()
            self._set.notify()

    def _run(self) -> None:
        while True:
            ring = self._next()()
            try:
                if ring:
                    ring()
            except Exception:  # the other alarms ring whatever this one came to
                log.exception("an alarm of the ledger failed")
            del ring

    def _next(self) -> WeakMethod[Callable[[], None]]:
        with self._set:
            while not self._alarms or self._alarms[0][0] > time.monotonic():
                self._set.wait(self._alarms[0][0] - time.monotonic() if self._alarms else None)
            return heapq.heappop(self._alarms)[2]


_clocks: dict[int, _Clock] = {}


def set_alarm(when: float, ring: Callable[[], None]) -> None:
    """Call the bound method `ring` at `when` (seconds of `time.monotonic()`), in the clock's thread.

    The alarm does not keep the method's object alive, and is forgotten with it. Forked children have a clock of their
    own, without their parent's alarms.
    """
    _clocks.setdefault(os.getpid(), _Clock()).set(when, ring)
