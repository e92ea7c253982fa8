"""What a recorded run spent, where, what it bought, and which limit stopped which task."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from tts_agent.learning.record_file import Record

CUT_SHORT = ("budget", "rounds", "failed")
"""Reasons to stop that are limits: the budget ended, the most rounds were used, calls failed."""


@dataclass(frozen=True, slots=True)
class Spending:
    """Steps of one class (or of all), added up."""

    kind: str
    steps: int
    tokens: int
    samples: int
    strategies: Mapping[str, int]
    """How often each was chosen, the most frequent first."""
    stops: Mapping[str, int]
    """Why steps stopped, likewise."""
    p_correct: float | None
    """Mean P(the answer is right), as the strategies said; None where none could say."""
    correct: tuple[int, int]
    """Right ones, of the steps whose task's outcome is known."""
    gain: float | None
    """Mean P(correct) less the mean pass@1 believed before: what tokens beyond one call bought, as predicted."""

    @property
    def share_right(self) -> float | None:
        """None where no outcome is known."""
        right, known = self.correct
        return right / known if known else None


@dataclass(frozen=True, slots=True)
class Limited:
    """A step that a limit stopped."""

    task: str
    """Its task, or its number in the run."""
    kind: str
    limit: str
    tokens: int


def by_class(records: Sequence[Record]) -> list[Spending]:
    """One row a class, the dearest first, and a row of all at the end."""
    kinds = sorted({record.kind for record in records})
    rows = [_spending(kind, [record for record in records if record.kind == kind]) for kind in kinds]
    return [*sorted(rows, key=lambda row: -row.tokens), _spending("all", records)]


def limited(records: Sequence[Record]) -> list[Limited]:
    """Every step that a limit stopped, in order."""
    return [
        Limited(record.task or f"step {number}", record.kind, record.stop, record.tokens)
        for number, record in enumerate(records, 1)
        if record.stop in CUT_SHORT
    ]


def _spending(kind: str, records: Sequence[Record]) -> Spending:
    said = [record.p_correct for record in records if record.p_correct is not None]
    both = [
        record.p_correct - record.belief[0] / sum(record.belief)
        for record in records
        if record.p_correct is not None and record.belief is not None
    ]
    known = [record.correct for record in records if record.correct is not None]
    return Spending(
        kind,
        len(records),
        sum(record.tokens for record in records),
        sum(len(record.samples) for record in records),
        dict(Counter(record.strategy for record in records).most_common()),
        dict(Counter(record.stop for record in records).most_common()),
        fmean(said) if said else None,
        (sum(known), len(known)),
        fmean(both) if both else None,
    )
