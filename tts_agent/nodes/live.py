"""A reply on its way to whoever streams it, while the step that it answers is still being run elsewhere."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from langchain_core.outputs import ChatGenerationChunk

T = TypeVar("T")


class Abandoned(Exception):
    """Nobody reads the stream any more."""


class Live:
    """Takes the chunks of a reply, from any thread.

    Args:
        deliver: hands a chunk to the reader.
    """

    def __init__(self, deliver: Callable[[ChatGenerationChunk], object]) -> None:
        self._deliver = deliver
        self._abandoned = False
        self.started = False
        """Whether the reader has seen something: then there is no second try."""

    def push(self, chunk: ChatGenerationChunk) -> None:
        """Pass a chunk on.

        Raises:
            Abandoned: to nobody.
        """
        if self._abandoned:
            raise Abandoned
        self.started = True
        # A copy: its reader writes into it.
        self._deliver(chunk.model_copy(update={"message": chunk.message.model_copy()}))

    def abandon(self) -> None:
        """Nobody reads on: the call that feeds it ends at its next chunk."""
        self._abandoned = True


def stream(run: Callable[[Live], T]) -> Iterator[ChatGenerationChunk | T]:
    """The chunks that `run` pushes, as they come, and then what it returns. It runs in a thread, in this context."""
    arrived: SimpleQueue[ChatGenerationChunk | None] = SimpleQueue()
    live = Live(arrived.put)
    thread = ThreadPoolExecutor(1, thread_name_prefix="tts.stream")
    running = thread.submit(contextvars.copy_context().run, run, live)
    running.add_done_callback(lambda _: arrived.put(None))
    thread.shutdown(wait=False)
    try:
        while (chunk := arrived.get()) is not None:
            yield chunk
        yield running.result()
    finally:
        live.abandon()


async def astream(run: Callable[[Live], Awaitable[T]]) -> AsyncGenerator[ChatGenerationChunk | T]:
    """The same on the running event loop. `run` is cancelled when nobody reads on."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[ChatGenerationChunk | None] = asyncio.Queue()
    live = Live(lambda chunk: loop.call_soon_threadsafe(arrived.put_nowait, chunk))
    running = asyncio.ensure_future(run(live))
    running.add_done_callback(lambda _: arrived.put_nowait(None))
    try:
        while (chunk := await arrived.get()) is not None:
            yield chunk
        yield running.result()
    finally:
        live.abandon()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
