"""Samples in one SQLite file: what was drawn once is never paid for again, and a run that is killed goes on.

Tables: `settings` (one row: JSON of what samples depend on beside the request), `draws` (key: sha256 of the request,
number: the sample's index in its stream, sample: JSON), `runs` (tokens, calls and money that the ledger charged, and
what may still be in flight; a run that ended holds nothing). A call's samples are committed together with what it cost.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from tts_agent.budget import Amount
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.store_file import readable
from tts_agent.messages import ToolCall, canonical_json
from tts_agent.sampling import Sample, SampleRequest, Usage

APPLICATION = 0x74747370
"""SQLite's application id of such a file ("ttsp")."""
VERSION = 1

_TABLES = (
    "CREATE TABLE settings (json TEXT NOT NULL)",
    "CREATE TABLE draws (key TEXT NOT NULL, number INTEGER NOT NULL, sample TEXT NOT NULL, "
    "PRIMARY KEY (key, number)) WITHOUT ROWID",
    "CREATE TABLE runs (number INTEGER PRIMARY KEY, tokens INTEGER NOT NULL DEFAULT 0, "
    "calls INTEGER NOT NULL DEFAULT 0, money INTEGER NOT NULL DEFAULT 0, held_tokens INTEGER NOT NULL, "
    "held_calls INTEGER NOT NULL, held_money INTEGER NOT NULL)",
)


class DrawStore:
    """The file at `path`, for one process at a time. Use it in a `with` block.

    Args:
        settings: JSON of what samples depend on beside the request, such as the model.

    Raises:
        ConfigurationError: the file is something else, or was begun with other settings.
        StoreError: it cannot be read or written; so does every method.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        if not path.parent.is_dir():
            raise ConfigurationError(f"{path}: there is no folder {path.parent}")
        self.path = path
        self._run: int | None = None
        with readable(path):
            self._database = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False)
            try:
                self._begin(dict(settings))
            except BaseException:
                self._database.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(sqlite3.Error):
            self._database.close()

    def _begin(self, settings: dict[str, Any]) -> None:
        if self._tables():
            self._check(settings)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        if self._tables():
            return
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for statement in _TABLES:
                self._database.execute(statement)
            self._database.execute("INSERT INTO settings VALUES (?)", [canonical_json(settings)])
            self._database.execute(f"PRAGMA application_id = {APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {VERSION}")

    def _tables(self) -> int:
        try:
            return int(self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                raise
            raise ConfigurationError(f"{self.path} is no SQLite file: name a new one with --out") from None

    def _check(self, settings: dict[str, Any]) -> None:
        found = [self._database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version")]
        if found != [APPLICATION, VERSION]:
            raise ConfigurationError(
                f"{self.path} was not made by this version of `tts-agent profile`: name a new file"
            )
        begun = json.loads(self._database.execute("SELECT json FROM settings").fetchone()[0])
        for name in sorted({*begun, *settings}):
            was, now = begun.get(name), settings.get(name)
            if was != now:
                raise ConfigurationError(
                    f"{self.path} was begun with another {name} ({was!r}, and now {now!r}): name a new file or folder"
                )

    def read(self, key: str, numbers: range) -> dict[int, Sample]:
        """The samples of a request that are there, by number."""
        query = "SELECT number, sample FROM draws WHERE key = ? AND number >= ? AND number < ?"
        with readable(self.path):
            rows = self._database.execute(query, (key, numbers.start, numbers.stop)).fetchall()
        return {number: _sample(json.loads(text)) for number, text in rows}

    def add(self, key: str, start: int, samples: Sequence[Sample], charged: Amount) -> None:
        """Commit what a call brought, and what it cost."""
        rows = [(key, number, _json(sample)) for number, sample in enumerate(samples, start)]
        with readable(self.path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT INTO draws VALUES (?, ?, ?)", rows)
            self._database.execute(
                "UPDATE runs SET tokens = tokens + ?, calls = calls + ?, money = money + ? WHERE number = ?",
                (charged.tokens, charged.calls, charged.money, self._run),
            )

    def spent(self) -> Amount:
        """What all runs cost; of those that were killed, what may have been in flight too."""
        query = "SELECT total(tokens + held_tokens), total(calls + held_calls), total(money + held_money) FROM runs"
        with readable(self.path):
            return Amount(*map(int, self._database.execute(query).fetchone()))

    def samples(self) -> int:
        """How many are there."""
        with readable(self.path):
            return int(self._database.execute("SELECT count(*) FROM draws").fetchone()[0])

    def begin_run(self, in_flight: Amount) -> None:
        """Begin to spend; `in_flight` is the most that the calls in flight can cost at any moment."""
        values = (in_flight.tokens, in_flight.calls, in_flight.money)
        with readable(self.path):
            statement = "INSERT INTO runs (held_tokens, held_calls, held_money) VALUES (?, ?, ?)"
            self._run = self._database.execute(statement, values).lastrowid

    def end_run(self) -> None:
        """Nothing is in flight any more."""
        with readable(self.path):
            statement = "UPDATE runs SET held_tokens = 0, held_calls = 0, held_money = 0 WHERE number = ?"
            self._database.execute(statement, [self._run])


def key_of(request: SampleRequest) -> str:
    """sha256 of everything that decides what samples of the request are, but for their place in the stream."""
    turns = [
        [turn.role, turn.content, [[call.name, call.arguments] for call in turn.tool_calls], turn.tool_call_id]
        for turn in request.messages
    ]
    dials = [request.max_tokens, request.temperature, list(request.stop), request.seed]
    text = canonical_json([turns, dials, list(request.tools), dict(request.options)])
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _json(sample: Sample) -> str:
    calls = [asdict(call) for call in sample.tool_calls]
    kept = {"text": sample.text, "finish_reason": sample.finish_reason, "logprob": sample.logprob}
    return json.dumps({**kept, "tool_calls": calls, "usage": asdict(sample.usage)})


def _sample(values: dict[str, Any]) -> Sample:
    calls = tuple(ToolCall(**call) for call in values.pop("tool_calls"))
    return Sample(**{**values, "tool_calls": calls, "usage": Usage(**values["usage"])})
