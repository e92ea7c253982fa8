"""What training reads of a label store: label rows, and how answers fall."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from sqlite3 import Row

from tts_agent.difficulty import Label, SampleSignals, StepText, leave_one_out
from tts_agent.learning.store_file import Settings, opened, stored_settings
from tts_agent.population import VoteCounts

_SAMPLES = """
SELECT q.id, q.text, q.kind, q.family, q.tools, q.turns, s.passed, s.output_tokens, s.finish_reason, s.logprob, s.valid,
    s.answer
FROM questions q JOIN samples s ON s.question = q.number WHERE s.passed IS NOT NULL ORDER BY q.number, s.number
"""


def is_store(path: Path | str) -> bool:
    """Whether a file is a SQLite database, as label stores are; label rows in JSON are not."""
    try:
        with Path(path).open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def settings(path: Path | str) -> Settings:
    """What the labels were drawn and graded with."""
    with opened(path) as database:
        return stored_settings(database)


def labels(path: Path | str) -> list[Label]:
    """Label rows, `leave_one_out` for each question with two or more samples; a question with one has none.

    The score of the verifier that graded is not among the signals: it is the label.

    Raises:
        ConfigurationError: the file is no label store.
        StoreError: it cannot be read.
    """
    model = settings(path).model
    rows: list[Label] = []
    for question in _questions(path):
        first = question[0]
        samples = [(_signals(row), bool(row["passed"])) for row in question]
        if len(samples) >= 2:
            step = StepText(first["text"], first["kind"], model, first["tools"], first["turns"])
            rows += leave_one_out(step, first["family"], samples)
    return rows


def vote_counts(path: Path | str) -> dict[str, list[VoteCounts]]:
    """By class of step, how the answers to each of its questions fell: what `population.fit_population` reads."""
    found: dict[str, list[VoteCounts]] = {}
    for question in _questions(path):
        counts = VoteCounts.of((row["answer"], bool(row["passed"])) for row in question)
        found.setdefault(question[0]["kind"], []).append(counts)
    return found


def pass_counts(path: Path | str) -> dict[str, tuple[int, int]]:
    """(passed, of) by id of the question."""
    return {
        question[0]["id"]: (sum(bool(row["passed"]) for row in question), len(question))
        for question in _questions(path)
    }


def _questions(path: Path | str) -> Iterator[list[Row]]:
    """The samples of each question that has any, in the order of their numbers."""
    with opened(path) as database:
        database.row_factory = Row
        for _, rows in groupby(database.execute(_SAMPLES), key=lambda row: row["id"]):
            yield list(rows)


def _signals(row: Row) -> SampleSignals:
    return SampleSignals(row["output_tokens"], row["finish_reason"], row["logprob"], bool(row["valid"]))
