"""Stores, as fixtures."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from tests.budget.servers import RedisServer, redis_server
from tts_agent.budget.stores import RedisStore, SqliteStore, Store

NewStore = Callable[..., Store]
"""A store with a key of its own, or the key given."""


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis for everybody."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@pytest.fixture(scope="session")
def quick_folder() -> Iterator[Path]:
    """In memory where the machine can: every SQLite transaction waits for the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(params=["sqlite", "redis"])
def new_store(request: pytest.FixtureRequest, quick_folder: Path) -> NewStore:
    """Makes stores of one kind; each test runs with every kind."""

    def sqlite(key: str | None = None, **options: float) -> Store:
        return SqliteStore(quick_folder / "ledgers.db", key or uuid4().hex, **options)

    def in_redis(key: str | None = None, **options: float) -> Store:
        server: RedisServer = request.getfixturevalue("redis")
        return RedisStore(server.url, key or uuid4().hex, **options)

    return sqlite if request.param == "sqlite" else in_redis
