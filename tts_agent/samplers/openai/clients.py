"""One HTTP client per event loop: pooled connections belong to the loop that opened them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable

import openai


class LoopClients:
    """Opens a client in each event loop that asks for one; it is closed when that loop ends.

    Nobody has to remember to close it, and a loop that is gone leaves nothing behind that another would use.

    Args:
        connect: makes a client; called inside the loop that will use it.
    """

    def __init__(self, connect: Callable[[], openai.AsyncOpenAI]) -> None:
        self._connect = connect
        self._held: dict[asyncio.AbstractEventLoop, _Held] = {}

    async def get(self) -> openai.AsyncOpenAI:
        """The running loop's client. Callable from any loop, in any thread."""
        loop = asyncio.get_running_loop()
        if loop not in self._held:
            for gone in filter(asyncio.AbstractEventLoop.is_closed, list(self._held)):
                self._held.pop(gone, None)
            self._held[loop] = held = _Held(self._connect())
            await held.begin()
        return self._held[loop].client


class _Held:
    """A client that is open until its loop ends.

    An asynchronous generator holds it, because a loop closes its generators as the last thing it does while
    it still runs (`loop.shutdown_asyncgens`, which `asyncio.run` calls). Object and generator refer to each
    other, and that is meant: when the sampler is dropped just before the loop ends, as by a function that
    `asyncio.run` runs, they are still there to be closed in order. In a loop that goes on, the garbage
    collector finds them, and the generator has the loop close the client.
    """

    def __init__(self, client: openai.AsyncOpenAI) -> None:
        self.client = client
        self._until_the_end = self._hold()

    async def begin(self) -> None:
        """Make the generator known to the running loop."""
        await anext(self._until_the_end)

    async def _hold(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self.client.close()
