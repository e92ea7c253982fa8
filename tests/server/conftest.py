"""The endpoint on loopback, in front of a real endpoint on loopback."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from threading import Thread

import pytest
import uvicorn

from tts_agent.server import Settings, Upstream, create_app
from tts_agent.server.source import Source

Serve = Callable[..., str]


@contextmanager
def serving(source: Source, settings: Settings) -> Iterator[str]:
    """The endpoint's base URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(source, settings), log_level="error", ws="none"))
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Puts the endpoint in front of an upstream (a URL or a source) and returns its base URL."""
    with ExitStack() as servers:

        def start(upstream: str | Source, **settings: object) -> str:
            source = Upstream(upstream) if isinstance(upstream, str) else upstream
            return servers.enter_context(serving(source, Settings(**settings)))  # type: ignore[arg-type]

        yield start
