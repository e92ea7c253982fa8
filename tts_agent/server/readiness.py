"""Whether more requests should be sent here: what `/readyz` says, where `/healthz` only says that the process lives."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable

from tts_agent.server.ledgers import Ledgers
from tts_agent.server.source import Source

REMEMBERED = 5.0
"""Seconds for which what was found is told again: a probe a second asks the upstream no more often than this."""
PATIENCE = 3.0
"""Seconds after which what has not answered counts as out of reach."""


class Readiness:
    """Asks what a request would need."""

    def __init__(self, source: Source, ledgers: Ledgers) -> None:
        self.draining = False
        """Whether the server was told to stop."""
        self._needs = {"the upstream": source.reachable, "the store of the budgets": ledgers.reachable}
        self._missing: tuple[str, ...] = ()
        self._asked = -REMEMBERED

    async def missing(self) -> tuple[str, ...]:
        """What stands in the way; nothing where requests can be served."""
        if self.draining:
            return ("the server was told to stop",)
        if time.monotonic() - self._asked >= REMEMBERED:
            self._asked = time.monotonic()
            found = await asyncio.gather(*(self._within(need()) for need in self._needs.values()))
            names = zip(self._needs, found, strict=True)
            self._missing = tuple(f"{name} is out of reach" for name, there in names if not there)
        return self._missing

    @staticmethod
    async def _within(answer: Awaitable[bool]) -> bool:
        try:
            return await asyncio.wait_for(answer, PATIENCE)
        except TimeoutError:
            return False
