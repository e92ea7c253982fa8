"""Several calls of a chat model at once: seen by callbacks and tracing, unseen by `stream_mode="messages"`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config, var_child_runnable_config
from langgraph.constants import TAG_NOSTREAM

from tts_agent.nodes.binding import ChatRunnable
from tts_agent.nodes.metering import mark


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is ready to be made."""

    index: int
    """Of its sample in the request's stream; names its run in traces."""
    model: ChatRunnable
    messages: Sequence[BaseMessage]
    arguments: Mapping[str, Any]

    def in_this_thread(self, config: RunnableConfig) -> AIMessage:
        """Make it, blocking."""
        return _checked(self.model.invoke(self.messages, config, **self.arguments))

    async def in_this_loop(self, config: RunnableConfig) -> AIMessage:
        """Make it on the running event loop."""
        return _checked(await self.model.ainvoke(self.messages, config, **self.arguments))


async def draw(calls: Sequence[Call], *, blocking: bool) -> list[AIMessage | BaseException]:
    """What each call came to, in order: `ainvoke` in a task each, or `invoke` in a thread each if `blocking`.

    Cancelling abandons calls in threads: they go on, and their replies are lost.
    """
    loop = asyncio.get_running_loop()
    # A pool of its own makes the calls one wave whatever else runs, and is gone when they are.
    threads = ThreadPoolExecutor(len(calls), thread_name_prefix="tts.sample") if blocking else None
    running: list[asyncio.Future[AIMessage]] = []
    try:
        for call in calls:
            config, context = hidden(call.index)
            if threads:
                running.append(loop.run_in_executor(threads, partial(context.run, call.in_this_thread, config)))
            else:
                running.append(loop.create_task(call.in_this_loop(config), context=context))
        return await asyncio.gather(*running, return_exceptions=True)
    finally:
        if threads:
            threads.shutdown(wait=False)


def hidden(index: int) -> tuple[RunnableConfig, Context]:
    """Config and context of one sample, under the caller's run.

    The config is also set in the context, for models that call further models without handing it on.
    """
    config, context = ensure_config(), copy_context()
    config["tags"] = [*config["tags"], TAG_NOSTREAM]
    config["metadata"] = {**config["metadata"], "tts_sample": index}
    config["run_name"] = f"tts.sample[{index}]"
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


def _checked(reply: object) -> AIMessage:
    if not isinstance(reply, AIMessage):
        raise TypeError(f"a chat model replies with an AIMessage, got {type(reply).__name__}")
    return reply
