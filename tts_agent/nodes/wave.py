"""Several calls of a chat model at once: seen by callbacks and tracing, unseen by `stream_mode="messages"`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from functools import partial
from typing import Protocol, TypeVar

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, var_child_runnable_config
from langgraph.constants import TAG_NOSTREAM

from tts_agent.nodes.metering import mark

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Call(Protocol[T_co]):
    """A model call that is ready to be made, under the config that the context holds as well."""

    @property
    def index(self) -> int:
        """Of its first sample in the request's stream; names its run in traces."""
        ...

    @property
    def n(self) -> int:
        """How many samples it asks for, in one request."""
        ...

    @property
    def alone(self) -> bool:
        """Whether its reply is the answer: then it is made as if nobody came between, streamed and named as ever."""
        ...

    def in_this_thread(self, config: RunnableConfig) -> T_co:
        """Make it, blocking."""
        ...

    async def in_this_loop(self, config: RunnableConfig) -> T_co:
        """Make it on the running event loop."""
        ...


async def draw(calls: Sequence[Call[T]], *, blocking: bool) -> list[T | BaseException]:
    """What each call came to, in order: on the event loop in a task each, or in a thread each if `blocking`.

    Cancelling abandons calls in threads: they go on, and their replies are lost.
    """
    loop = asyncio.get_running_loop()
    # A pool of its own makes the calls one wave whatever else runs, and is gone when they are.
    threads = ThreadPoolExecutor(len(calls), thread_name_prefix="tts.sample") if blocking else None
    running: list[asyncio.Future[T]] = []
    try:
        for call in calls:
            config, context = shown() if call.alone else hidden(call.index, call.n)
            if threads:
                running.append(loop.run_in_executor(threads, partial(context.run, call.in_this_thread, config)))
            else:
                running.append(loop.create_task(call.in_this_loop(config), context=context))
        return await asyncio.gather(*running, return_exceptions=True)
    finally:
        if threads:
            threads.shutdown(wait=False)


def shown() -> tuple[RunnableConfig, Context]:
    """Config and context of a call as it would be made without us: the caller's own, and marked as reserved."""
    context = copy_context()
    mark(context)
    return ensure_config(), context


def hidden(index: int, n: int) -> tuple[RunnableConfig, Context]:
    """Config and context of one sample, or of `n` from `index` on, under the caller's run.

    The config is also set in the context, for models that call further models without handing it on.
    """
    config, context = ensure_config(), copy_context()
    config["tags"] = [*config["tags"], TAG_NOSTREAM]
    config["metadata"] = {**config["metadata"], "tts_sample": index}
    config["run_name"] = f"tts.sample[{index}]" if n == 1 else f"tts.sample[{index}:{index + n}]"
    config.pop("run_id", None)  # the caller's: n runs cannot share it
    context.run(var_child_runnable_config.set, config)
    mark(context)
    return config, context


class HomeLoop:
    """The event loop that a model's asynchronous client belongs to: the first one that it met.

    In another loop, a connection of the first still sends the request, which is billed, and then fails to read
    the reply ("Event loop is closed").
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lock = threading.Lock()

    def is_here(self) -> bool:
        """Whether it is the running one."""
        running = asyncio.get_running_loop()
        with self._lock:
            self._loop = self._loop or running
        return self._loop is running
