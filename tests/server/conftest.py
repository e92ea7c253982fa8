"""The endpoint on loopback, in front of a real endpoint on loopback: one server for all tests, an application each."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from itertools import count
from threading import Thread
from typing import Any

import pytest
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from tts_agent.server import Settings, Upstream, create_app
from tts_agent.server.source import Source

Serve = Callable[..., str]


class Applications:
    """An ASGI application of many, each under a path of its own."""

    def __init__(self) -> None:
        self._mounted: dict[str, ASGIApp] = {}
        self._numbers = count()

    def mount(self, app: ASGIApp) -> str:
        """The path that the application is at from now on."""
        path = f"/{next(self._numbers)}"
        self._mounted[path] = app
        return path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path, rest = scope["path"][: scope["path"].index("/", 1)], scope["path"][scope["path"].index("/", 1) :]
            await self._mounted[path]({**scope, "path": rest}, receive, send)


@pytest.fixture(scope="session")
def server() -> Iterator[tuple[str, Applications, asyncio.AbstractEventLoop]]:
    """A server's URL, what it serves, and the loop that it runs on."""
    apps, loop = Applications(), asyncio.new_event_loop()
    listener = socket.create_server(("127.0.0.1", 0))
    runner = uvicorn.Server(uvicorn.Config(apps, log_level="critical", ws="none", lifespan="off"))
    thread = Thread(target=lambda: loop.run_until_complete(runner.serve([listener])))
    thread.start()
    while not runner.started and thread.is_alive():
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", apps, loop
    runner.should_exit = True
    thread.join()
    loop.close()
    listener.close()


@pytest.fixture
def mount(server: tuple[str, Applications, asyncio.AbstractEventLoop]) -> Callable[[ASGIApp], str]:
    """Serves an application that plays an upstream, and returns its base URL."""
    url, apps, _ = server
    return lambda app: url + apps.mount(app) + "/v1"


@pytest.fixture
def serve(server: tuple[str, Applications, asyncio.AbstractEventLoop]) -> Iterator[Serve]:
    """Puts the endpoint in front of an upstream (a URL or a source) and returns its base URL."""
    url, apps, loop = server
    sources: list[Source] = []

    def start(upstream: str | Source, **settings: Any) -> str:
        sources.append(Upstream(upstream) if isinstance(upstream, str) else upstream)
        return url + apps.mount(create_app(sources[-1], Settings(**settings))) + "/v1"

    yield start
    for source in sources:
        asyncio.run_coroutine_threadsafe(source.close(), loop).result()
