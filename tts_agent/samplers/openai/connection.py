"""HTTP clients: one per event loop and endpoint, because pooled connections belong to the loop that opened them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

import openai

LONGEST_CONNECT = 10.0
"""Seconds to wait for a connection."""


@dataclass(frozen=True, slots=True)
class Connection:
    """How to reach an endpoint. Equal ones share a client, and so its connections, within an event loop.

    A client is open until its loop ends; nobody has to close it, and no later loop meets it.
    """

    base_url: str
    api_key: str = field(repr=False)
    timeout: float
    """Seconds without a word from the endpoint after which a call has failed."""

    async def client(self) -> openai.AsyncOpenAI:
        """The running loop's client. Its own retries are off: a retry that no ledger sees is an overspend."""
        loop = asyncio.get_running_loop()
        if (loop, self) not in _open:
            for gone in [key for key in list(_open) if key[0].is_closed()]:
                _open.pop(gone, None)
            timeout = openai.Timeout(self.timeout, connect=min(self.timeout, LONGEST_CONNECT))
            client = openai.AsyncOpenAI(api_key=self.api_key, base_url=self.base_url, timeout=timeout, max_retries=0)
            lease = self._until_the_loop_ends(client)
            _open[loop, self] = client, lease
            await anext(lease)
        return _open[loop, self][0]

    async def _until_the_loop_ends(self, client: openai.AsyncOpenAI) -> AsyncGenerator[None]:
        """Holds the client open. An event loop closes its generators as the last thing it does while it still
        runs (`loop.shutdown_asyncgens`, which `asyncio.run` calls)."""
        try:
            yield
        finally:
            _open.pop((asyncio.get_running_loop(), self), None)
            await client.close()


_open: dict[tuple[asyncio.AbstractEventLoop, Connection], tuple[openai.AsyncOpenAI, AsyncGenerator[None]]] = {}
"""Every client that is open in this process."""
