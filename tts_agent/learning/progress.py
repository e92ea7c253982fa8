"""How far labelling or profiling has come."""

from __future__ import annotations

from dataclasses import dataclass

from tts_agent.budget import Amount


@dataclass(frozen=True, slots=True)
class Progress:
    """A moment of a run."""

    questions: int
    finished: int
    """Questions that have enough samples, or were answered by every arm."""
    samples: int
    """In the store, those of earlier runs included."""
    failures: int
    """Calls of this run that failed."""
    drawn: int
    """Samples of this run."""
    samples_left: int
    """An estimate: each question as many as those that have finished took."""
    spent: Amount
    """Over all runs."""
    seconds: float
    """Since this run began."""

    @property
    def rate(self) -> float:
        """Samples a second."""
        return self.drawn / self.seconds if self.seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """None until there is a rate."""
        return self.samples_left / self.rate if self.rate else None
