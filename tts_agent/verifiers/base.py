"""The contract of a verifier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tts_agent.effects import Flow
from tts_agent.sampling import Sample
from tts_agent.step import Step


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier says of one sample."""

    score: float
    """Higher is better; 0 to 1 where it is meant as a probability."""
    accepted: bool = False
    """Whether the search may stop here."""
    wrong_at: int | None = None
    """1-based number of the first wrong step, where the verifier can locate it."""
    feedback: str | None = None
    """What to tell the model; None leaves it to the strategy's wording."""

    @property
    def probability(self) -> float:
        """The score as P(correct): clipped to 0..1."""
        return min(1.0, max(0.0, self.score))


class Verifier(Protocol):
    """Judges samples. A verifier that needs a model yields `Generate`, so its tokens are on the ledger."""

    @property
    def name(self) -> str:
        """What the trace calls it."""
        ...

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        """One verdict a sample, in order."""
        ...
