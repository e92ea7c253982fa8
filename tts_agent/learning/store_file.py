"""The file of a label store: its tables, what it was begun with, and how it is opened and recognized."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from tts_agent.exceptions import ConfigurationError, TTSAgentError

APPLICATION = 0x7474736C
"""SQLite's application id of a label store ("ttsl")."""
VERSION = 1
"""Of the tables; kept in `user_version`."""

TABLES = """
CREATE TABLE settings (json TEXT NOT NULL);
CREATE TABLE questions (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL, kind TEXT NOT NULL,
    family TEXT NOT NULL, tools INTEGER NOT NULL, turns INTEGER NOT NULL);
CREATE TABLE samples (question INTEGER NOT NULL REFERENCES questions, number INTEGER NOT NULL, passed INTEGER,
    input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, reasoning_tokens INTEGER, finish_reason TEXT,
    logprob REAL, valid INTEGER, answer TEXT, reply TEXT, PRIMARY KEY (question, number)) WITHOUT ROWID;
CREATE TABLE failures (question INTEGER NOT NULL REFERENCES questions, number INTEGER NOT NULL, error TEXT NOT NULL);
CREATE TABLE runs (number INTEGER PRIMARY KEY, tokens INTEGER NOT NULL DEFAULT 0, calls INTEGER NOT NULL DEFAULT 0,
    money INTEGER NOT NULL DEFAULT 0, held_tokens INTEGER NOT NULL, held_calls INTEGER NOT NULL,
    held_money INTEGER NOT NULL);
"""


class StoreError(TTSAgentError, RuntimeError):
    """A label store cannot be read or written (disk full, damaged, locked). What was committed is still in it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a sample's distribution and its grade depend on: samples under other settings are other labels."""

    model: str
    data: str
    """sha256 of the items."""
    verifier: str
    max_tokens: int
    temperature: float | None = None
    seed: int | None = None
    """Without one, the samples of a run that is repeated are others."""


_NO_STORE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT)
"""Errors at which nothing can be promised of what was committed."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """SQLite's errors as one sentence.

    Raises:
        ConfigurationError: the file is none of SQLite's.
        StoreError: any other error.
    """
    try:
        yield
    except sqlite3.IntegrityError as error:
        raise StoreError(f"{path}: another process is labelling into the same file; let one of them work") from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without its extension
        if code == sqlite3.SQLITE_NOTADB:
            raise ConfigurationError(f"{path} is no label store, but a file of another kind: name a new one") from error
        if code == sqlite3.SQLITE_READONLY:
            raise StoreError(
                f"{path}: the file or its folder may not be written, which SQLite needs for reading too: copy it to a "
                "folder of your own"
            ) from error
        kept = "" if code in _NO_STORE else "; what was committed before is still there"
        raise StoreError(f"{path}: {error}{kept}") from error


@contextmanager
def opened(path: Path | str) -> Iterator[sqlite3.Connection]:
    """A label store that is there, for reading.

    Raises:
        ConfigurationError: there is none.
        StoreError: it cannot be read.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such file")
    with readable(path), closing(sqlite3.connect(path, isolation_level=None)) as database:
        check_store(database, path)
        yield database


def marks(database: sqlite3.Connection) -> tuple[int, int]:
    """What a file says it is: application id and version. Zeros where it is no SQLite file."""
    try:
        application = database.execute("PRAGMA application_id").fetchone()[0]
        version = database.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
            raise
        return 0, 0
    return application, version


def check_store(database: sqlite3.Connection, path: Path) -> None:
    """Whether this is a label store of a version that is known.

    Raises:
        ConfigurationError: it is not.
    """
    application, version = marks(database)
    if application != APPLICATION:
        raise ConfigurationError(f"{path} is no label store: name a new file, or one that `tts-agent label` made")
    if version != VERSION:
        raise ConfigurationError(f"{path} is a label store of version {version}, and this release reads {VERSION}")


def stored_settings(database: sqlite3.Connection) -> Settings:
    """What the store was begun with."""
    values: dict[str, Any] = json.loads(database.execute("SELECT json FROM settings").fetchone()[0])
    return Settings(**values)


def check_settings(there: Settings, now: Settings, path: Path) -> None:
    for field in fields(Settings):
        begun, asked = getattr(there, field.name), getattr(now, field.name)
        if begun == asked:
            continue
        what = (
            "the data are not the same"
            if field.name == "data"
            else f"{field.name.replace('_', ' ')} was {begun!r} and is now {asked!r}"
        )
        raise ConfigurationError(
            f"{path} was begun with other settings ({what}): go on with the same ones, or name a new file with --out"
        )
