"""Real servers for tests: a Redis on a free port of this machine, gone when the test is."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotThere


class RedisServer:
    """A `redis-server` process that keeps nothing on disk."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"redis://{f':{password}@' if password else ''}127.0.0.1:{self.port}/0"
        self._options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        self._options += ["--save", "", "--appendonly", "no", "--loglevel", "warning"]
        self._options += ["--requirepass", password] if password else []
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        self._process = subprocess.Popen(["redis-server", *self._options], stdout=subprocess.DEVNULL)
        with Redis.from_url(self.url) as client:
            for _ in range(500):
                try:
                    client.ping()
                except NotThere:
                    time.sleep(0.02)
                else:
                    return
        raise TimeoutError("redis-server does not answer")

    def client(self) -> Redis:
        """For tests that look behind the ledger's back."""
        return Redis.from_url(self.url, decode_responses=True)

    def stop(self) -> None:
        """End it; what it knew is lost."""
        self._process.kill()
        self._process.wait()


@contextmanager
def redis_server(folder: Path, password: str | None = None) -> Iterator[RedisServer]:
    """A Redis of one's own. Skips the test where the program is not installed; CI installs it."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(folder, password)
    try:
        yield server
    finally:
        server.stop()
