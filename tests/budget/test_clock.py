"""The alarm clock of a process."""

from __future__ import annotations

import gc
import logging
import threading
import time
from weakref import ref

import pytest

from tts_agent.budget.clock import set_alarm


class Sleeper:
    def __init__(self, error: Exception | None = None) -> None:
        self.rung = threading.Event()
        self.error = error

    def ring(self) -> None:
        self.rung.set()
        if self.error:
            raise self.error


def test_alarms_ring_in_order_whenever_they_were_set() -> None:
    order: list[str] = []

    class Named(Sleeper):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def ring(self) -> None:
            order.append(self.name)
            super().ring()

    now = time.monotonic()
    later, sooner, at_once = Named("later"), Named("sooner"), Named("at once")
    set_alarm(now + 0.1, later.ring)
    set_alarm(now + 0.05, sooner.ring)
    set_alarm(now - 1.0, at_once.ring)
    assert later.rung.wait(60)
    assert order == ["at once", "sooner", "later"]


def test_an_alarm_that_fails_does_not_silence_the_others(caplog: pytest.LogCaptureFixture) -> None:
    broken, fine = Sleeper(ZeroDivisionError("broken")), Sleeper()
    with caplog.at_level(logging.ERROR):
        set_alarm(time.monotonic(), broken.ring)
        set_alarm(time.monotonic(), fine.ring)
        assert fine.rung.wait(60)
    assert "an alarm of the ledger failed" in caplog.text


def test_an_alarm_keeps_nobody_alive() -> None:
    gone = Sleeper()
    watched = ref(gone)
    set_alarm(time.monotonic() + 0.05, gone.ring)
    del gone
    gc.collect()
    assert watched() is None
    after = Sleeper()
    set_alarm(time.monotonic() + 0.06, after.ring)
    assert after.rung.wait(60)
