"""Several verifiers that must all accept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.effects import Flow
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict, Verifier
from tts_agent.verifiers.combination import at_least_one, combined_name, judged_by_each


@dataclass(frozen=True, slots=True)
class AllOf:
    """Accepts what every verifier accepts. All of them see all samples, together.

    The score is the lowest, clipped to 0..1; feedback and the wrong step are those of the first that rejects.
    """

    verifiers: tuple[Verifier, ...]

    def __post_init__(self) -> None:
        at_least_one(self.verifiers)

    @property
    def name(self) -> str:
        return combined_name("all_of", self.verifiers)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return [_all(verdicts) for verdicts in (yield from judged_by_each(self.verifiers, step, samples))]


def _all(verdicts: Sequence[Verdict]) -> Verdict:
    score = min(verdict.probability for verdict in verdicts)
    rejected = next((verdict for verdict in verdicts if not verdict.accepted), None)
    if rejected is None:
        return Verdict(score, accepted=True)
    return Verdict(score, wrong_at=rejected.wrong_at, feedback=rejected.feedback)
