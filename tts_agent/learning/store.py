"""The label store: one SQLite file that holds what labelling found out, and all that training needs.

Tables (text is UTF-8; `labelling.py` is the only writer, `stored_labels.py` turns it into what is trained on):

    settings   one row: JSON of `Settings`, what a sample's distribution and its grade depend on
    questions  number, id, text, kind, family (the group that no split may cut), tools, turns
    samples    question (number), number, passed (0 or 1; null: the call used this place up and brought nothing),
               input_tokens, output_tokens, cached_tokens, reasoning_tokens (this sample's own share of its bill),
               finish_reason, logprob (nats a token, or null), valid, answer (hash of the answer it votes for, or
               null), reply (its text; null unless texts are kept)
    failures   question (number), number (of the first sample that was asked for), error: one row a call that failed
    runs       tokens, calls, money (nano-dollars) that the ledger charged; held_*: what may be in flight; both are
               added up for what was spent, and a run that ended holds nothing

Training reads a store through `stored_labels`: `labels(path)`, `vote_counts(path)` and `is_store(path)`.

Finished calls are committed with what they cost, each at once or together with those that finished meanwhile, and a
commit is on disk when it returns (WAL, `synchronous = FULL`). A process that is killed loses the calls in flight and
nothing else; the primary key (question, number) makes it impossible to count a sample twice.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from tts_agent.budget import Amount
from tts_agent.difficulty import SampleSignals
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.item import Item
from tts_agent.learning.store_file import (
    APPLICATION,
    TABLES,
    VERSION,
    Settings,
    check_settings,
    check_store,
    readable,
    stored_settings,
)
from tts_agent.sampling import Usage


@dataclass(frozen=True, slots=True)
class Graded:
    """One sample as it is kept. `signals` and `passed` are None where a call used this place up and brought nothing."""

    number: int
    passed: bool | None = None
    signals: SampleSignals | None = None
    usage: Usage = field(default_factory=Usage)
    answer: str | None = None
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What one call came to: samples, or an error, and what it cost."""

    question: int
    number: int
    """Of the first sample that was asked for."""
    samples: tuple[Graded, ...]
    charged: Amount
    error: str | None = None


class LabelStore:
    """The file at `path`, for one writer at a time. Close it, or use it in a `with` block.

    A new file is begun with these settings and items. One that is there is gone on with.

    Raises:
        ConfigurationError: the file is no label store, or was begun with other settings or other data.
        StoreError: it cannot be read or written; so does every method.
    """

    def __init__(self, path: Path | str, settings: Settings, items: Sequence[Item]) -> None:
        self.path = Path(path)
        with self._said():
            if not self.path.parent.is_dir():
                raise ConfigurationError(f"{self.path}: there is no folder {self.path.parent}")
            if self.path.is_dir():
                raise ConfigurationError(f"{self.path} is a folder: name a file")
            self._database = sqlite3.connect(self.path, timeout=5.0, isolation_level=None, check_same_thread=False)
        try:
            with self._said():
                self._begin(settings, items)
        except BaseException:
            self.close()
            raise
        self._run: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the file back."""
        with suppress(sqlite3.Error):
            self._database.close()

    def _begin(self, settings: Settings, items: Sequence[Item]) -> None:
        new = not self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if not new:
            check_store(self._database, self.path)
            check_settings(stored_settings(self._database), settings, self.path)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        if not new:
            return
        with self._transaction():
            for statement in TABLES.split(";\n"):
                self._database.execute(statement)
            self._database.execute("INSERT INTO settings VALUES (?)", [json.dumps(asdict(settings))])
            self._database.executemany(
                "INSERT INTO questions VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    (number, item.id, item.text, item.kind, item.group, len(item.tools), len(item.messages))
                    for number, item in enumerate(items)
                ),
            )
            self._database.execute(f"PRAGMA application_id = {APPLICATION}")
            self._database.execute(f"PRAGMA user_version = {VERSION}")

    def outcomes(self) -> dict[int, dict[int, bool | None]]:
        """By number of the question, of its samples by their number: passed, or None for a place that is used up."""
        found: dict[int, dict[int, bool | None]] = {}
        with self._said():
            for question, number, passed in self._database.execute("SELECT question, number, passed FROM samples"):
                found.setdefault(question, {})[number] = None if passed is None else bool(passed)
        return found

    def spent(self) -> Amount:
        """What all runs cost: what the ledger charged, and for those that were killed what may have been in flight."""
        query = "SELECT total(tokens + held_tokens), total(calls + held_calls), total(money + held_money) FROM runs"
        with self._said():
            return Amount(*map(int, self._database.execute(query).fetchone()))

    def mean_output(self) -> float | None:
        """Mean output tokens of the samples that are there; None without any."""
        with self._said():
            mean: float | None = self._database.execute("SELECT avg(output_tokens) FROM samples").fetchone()[0]
        return mean

    def begin_run(self, in_flight: Amount) -> None:
        """Begin to spend; `in_flight` is the most that the calls in flight can cost at any moment."""
        with self._said():
            cursor = self._database.execute(
                "INSERT INTO runs (held_tokens, held_calls, held_money) VALUES (?, ?, ?)",
                (in_flight.tokens, in_flight.calls, in_flight.money),
            )
        self._run = cursor.lastrowid

    def end_run(self, charged: Amount) -> None:
        """Nothing is in flight any more, and this is what the run cost altogether."""
        with self._said():
            self._database.execute(
                "UPDATE runs SET tokens = ?, calls = ?, money = ?, held_tokens = 0, held_calls = 0, held_money = 0 "
                "WHERE number = ?",
                (charged.tokens, charged.calls, charged.money, self._run),
            )

    def add(self, calls: Iterable[Finished]) -> None:
        """Commit finished calls, all or none of them."""
        with self._said(), self._transaction():
            for call in calls:
                self._database.executemany(
                    "INSERT INTO samples VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (_row(call.question, sample) for sample in call.samples),
                )
                if call.error is not None:
                    self._database.execute(
                        "INSERT INTO failures VALUES (?, ?, ?)", (call.question, call.number, call.error)
                    )
                self._database.execute(
                    "UPDATE runs SET tokens = tokens + ?, calls = calls + ?, money = money + ? WHERE number = ?",
                    (call.charged.tokens, call.charged.calls, call.charged.money, self._run),
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # a full disk has rolled back already
                self._database.execute("ROLLBACK")
            raise

    @contextmanager
    def _said(self) -> Iterator[None]:
        with readable(self.path):
            yield


def _row(question: int, sample: Graded) -> tuple[object, ...]:
    signals, usage = sample.signals, sample.usage
    if signals is None:
        return (question, sample.number, *[None] * 10)
    return (
        question,
        sample.number,
        sample.passed,
        usage.input_tokens,
        usage.output_tokens,
        usage.cached_input_tokens,
        usage.reasoning_tokens,
        signals.finish_reason,
        signals.logprob,
        signals.valid,
        sample.answer,
        sample.reply,
    )
