"""Several verifiers of which one must accept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.effects import Flow
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict, Verifier
from tts_agent.verifiers.combination import at_least_one, combined_name, complaint_of, judged_by_each


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Accepts what at least one verifier accepts. All of them see all samples, together.

    The score is the highest, clipped to 0..1; where all reject, feedback and the wrong step are those of the first
    that has any.
    """

    verifiers: tuple[Verifier, ...]

    def __post_init__(self) -> None:
        at_least_one(self.verifiers)

    @property
    def name(self) -> str:
        return combined_name("any_of", self.verifiers)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return [_any(verdicts) for verdicts in (yield from judged_by_each(self.verifiers, step, samples))]


def _any(verdicts: Sequence[Verdict]) -> Verdict:
    score = max(verdict.probability for verdict in verdicts)
    if any(verdict.accepted for verdict in verdicts):
        return Verdict(score, accepted=True)
    complaint = complaint_of(verdicts)
    return Verdict(score, wrong_at=complaint.wrong_at, feedback=complaint.feedback)
