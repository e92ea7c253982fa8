"""The file of decision records: one table in SQLite, which several processes may append to at once."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.store_file import StoreError, marks
from tts_agent.sampling import FinishReason

APPLICATION = 0x74747364
"""SQLite's application id of a file of records ("ttsd")."""
VERSION = 1

_FILLED = 0.9
"""What is left of a file that grew too large: room for the records until the next time."""

_TABLES = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
CREATE TABLE decisions (number INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT, json TEXT NOT NULL, correct INTEGER);
CREATE INDEX of_task ON decisions (task);
"""


@dataclass(frozen=True, slots=True)
class DrawnSample:
    """What is kept of one sample: never its text, and of its answer only which samples gave the same one."""

    vote: int | None
    """Equal numbers are equal answers of this step, in the order of first appearance; None could not vote."""
    input_tokens: int
    output_tokens: int
    finish_reason: FinishReason
    logprob: float | None
    valid: bool


@dataclass(frozen=True, slots=True)
class Record:
    """One decision and how it came out."""

    time: float
    """Seconds since 1970."""
    kind: str
    model: str
    text: str | None
    """The question, or its hash, or nothing: see `Recorder`."""
    tools: int
    turns: int
    strategy: str
    propensities: dict[str, float]
    """P(the policy would choose it) of each strategy, in the state it was chosen in; empty if nobody explored."""
    price: float
    belief: tuple[float, float] | None
    """Beta (a, b) that was decided with."""
    stop: str
    winner: int | None
    """The winner's vote."""
    accepted: bool | None
    """What the verifier said of the winner."""
    p_correct: float | None
    tokens: int
    """Tokens that the ledger was charged."""
    samples: tuple[DrawnSample, ...]
    task: str | None = None
    correct: bool | None = None
    """What `record_outcome` was told about the task; None: nobody said."""

    def to_json(self) -> str:
        """All but task and outcome, which have columns of their own."""
        values = asdict(self)
        del values["task"], values["correct"]
        return json.dumps(values)

    @classmethod
    def from_json(cls, text: str, task: str | None, correct: int | None) -> Record:
        values: dict[str, Any] = json.loads(text)
        values["samples"] = tuple(DrawnSample(**sample) for sample in values["samples"])
        values["belief"] = None if values["belief"] is None else tuple(values["belief"])
        return cls(**values, task=task, correct=None if correct is None else bool(correct))


def begin(path: Path) -> sqlite3.Connection:
    """A connection for appending, to a file that is made where there is none, readable by its owner only.

    Raises:
        ConfigurationError: the file is there and is something else.
        sqlite3.Error, OSError: it cannot be opened.
    """
    path.touch(mode=0o600)
    database = sqlite3.connect(path, timeout=5.0, isolation_level=None)
    try:
        # An overwritten text is gone from the file, and a writer that waits for another one does not fail.
        database.execute("PRAGMA secure_delete = ON")
        with transaction(database):
            if not database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                for statement in _TABLES.strip().splitlines():
                    database.execute(statement)
        _check(database, path)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, one process at a time."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def append(database: sqlite3.Connection, records: list[Record], most: int, most_bytes: int | None = None) -> None:
    """Add records; beyond `most` of them, or beyond `most_bytes` in the file, the oldest go."""
    with transaction(database):
        database.executemany(
            "INSERT INTO decisions (task, json) VALUES (?, ?)", [(record.task, record.to_json()) for record in records]
        )
        database.execute(
            "DELETE FROM decisions WHERE number <= (SELECT max(number) FROM decisions) - ?",
            (most,),
        )
        while most_bytes is not None and (used := _bytes_used(database)) > most_bytes:
            share = 1.0 - _FILLED * most_bytes / used
            count = database.execute("SELECT count(*) FROM decisions").fetchone()[0]
            database.execute(
                "DELETE FROM decisions WHERE number IN (SELECT number FROM decisions ORDER BY number LIMIT ?)",
                (ceil(count * share),),
            )


def set_outcome(database: sqlite3.Connection, task: str, correct: bool) -> int:
    """Write the outcome to every record of the task; how many there were."""
    with transaction(database):
        return database.execute("UPDATE decisions SET correct = ? WHERE task = ?", (correct, task)).rowcount


def read_records(path: Path | str) -> list[Record]:
    """Every record, the oldest first.

    Raises:
        ConfigurationError: there is no such file, or it holds something else.
        StoreError: it cannot be read: it is damaged, locked, or may not be opened.
    """
    path = Path(path)
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder: give the file that a Recorder wrote")
    if not path.is_file():
        raise ConfigurationError(f"{path}: no such file")
    try:
        with closing(sqlite3.connect(path, timeout=5.0, isolation_level=None)) as database:
            _check(database, path, "give the file that a Recorder wrote, a SQLite database")
            rows = database.execute("SELECT number, json, task, correct FROM decisions ORDER BY number")
            return [_record(path, *row) for row in rows]
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error


def _record(path: Path, number: int, text: str, task: str | None, correct: int | None) -> Record:
    try:
        return Record.from_json(text, task, correct)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is damaged: record {number} is no decision") from error


def _bytes_used(database: sqlite3.Connection) -> int:
    """Of the file, pages that wait to be used again not counted."""
    pages, free, size = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _check(
    database: sqlite3.Connection, path: Path, wanted: str = "name a new file, or one that a Recorder made"
) -> None:
    application, version = marks(database)
    if application != APPLICATION:
        raise ConfigurationError(f"{path} holds no decision records: {wanted}")
    if version != VERSION:
        raise ConfigurationError(f"{path} holds records of version {version}, and this release reads {VERSION}")
