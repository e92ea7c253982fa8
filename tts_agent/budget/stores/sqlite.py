"""A ledger in a SQLite file: one machine, many processes."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from weakref import finalize

from tts_agent.budget.stores.base import checked
from tts_agent.exceptions import BudgetUnavailable

LOCK_SECONDS = 5.0
"""How long to wait for other processes, each of which has the file for well under a millisecond."""


class _Mine:
    """What belongs to one process: SQLite's connections and locks do not survive a fork."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.connection: sqlite3.Connection | None = None


class SqliteStore:
    """Keeps a ledger under `key` in the file at `path`, which is made if missing, and may keep any number of them.

    What was reserved is on disk before the call is made, power cuts included. The file must be on a local disk:
    SQLite's locks do not hold on network file systems.

    Raises:
        ConfigurationError: the key is empty or the lease too short.
    """

    def __init__(self, path: str | os.PathLike[str], key: str, *, lease_seconds: float = 30.0) -> None:
        checked(key, lease_seconds)
        self.lease_seconds = lease_seconds
        self._path = Path(path)
        self._key = key
        self._of_process: dict[int, _Mine] = {}

    def __str__(self) -> str:
        return f"{self._key!r} in {self._path}"

    def read(self, names: Sequence[str]) -> list[str | None]:
        """See `Store`."""
        with self._database() as database, database:
            database.execute("BEGIN")
            return self._texts(database, names)

    def swap(self, names: Sequence[str], before: Sequence[str | None], after: Sequence[str]) -> bool:
        """See `Store`."""
        with self._database() as database, database:
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if _is_busy(error):
                    return False
                raise
            if self._texts(database, names) != list(before):
                return False
            rows = [(self._key, name, text) for name, text in zip(names, after, strict=True)]
            database.executemany("INSERT OR REPLACE INTO tts_agent_accounts VALUES (?, ?, ?)", rows)
            return True

    def _texts(self, database: sqlite3.Connection, names: Sequence[str]) -> list[str | None]:
        query = "SELECT text FROM tts_agent_accounts WHERE ledger = ? AND name = ?"
        rows = [database.execute(query, (self._key, name)).fetchone() for name in names]
        return [row[0] if row else None for row in rows]

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        mine = self._of_process.setdefault(os.getpid(), _Mine())
        with mine.lock:
            try:
                mine.connection = mine.connection or self._connect()
                yield mine.connection
            except sqlite3.Error as error:
                raise BudgetUnavailable(f"the ledger {self} cannot be used: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self._path, LOCK_SECONDS, isolation_level=None, check_same_thread=False)
        finalize(self, _close, database, os.getpid())
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")
        database.execute(
            "CREATE TABLE IF NOT EXISTS tts_agent_accounts (ledger TEXT, name TEXT, text TEXT NOT NULL, "
            "PRIMARY KEY (ledger, name)) WITHOUT ROWID"
        )
        return database


def _close(database: sqlite3.Connection, process: int) -> None:
    if process == os.getpid():  # a forked child must not close its parent's
        database.close()


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
