"""Self-consistency as a verifier: a reply is as good as the share of replies that say the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class AgreementVerifier:
    """Scores a sample with the share of the step's votes that are like its own. Free, and no better than the vote.

    Votes are those of the samples shown and of those drawn for the step before. The share says that samples agree, not
    that they are right: where the model errs consistently, so does this.
    Source: self-consistency (Wang et al., arXiv 2203.11171).
    """

    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "arXiv 2203.11171"

    accept_at: float = 0.75
    """Share from which on a sample is accepted."""
    fewest: int = 3
    """Votes, of any kind, below which none is."""
    name: str = "agreement"

    def __post_init__(self) -> None:
        if not (0.0 < self.accept_at <= 1.0 and self.fewest >= 1):
            raise ConfigurationError(f"accept_at must be above 0 and at most 1, fewest at least 1: {self}")

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        yield from ()  # a flow, although it asks for nothing
        known = set(map(id, step.drawn))
        pool = (*step.drawn, *(sample for sample in samples if id(sample) not in known))
        counts = Tally(tuple(vote(sample, step.answer_key) for sample in pool)).counts
        cast = sum(counts.values())
        shares = [counts.get(vote(sample, step.answer_key), 0) / max(1, cast) for sample in samples]
        return [Verdict(share, accepted=share >= self.accept_at and cast >= self.fewest) for share in shares]
