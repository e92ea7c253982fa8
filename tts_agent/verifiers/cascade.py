"""Several verifiers, the cheapest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.effects import Flow
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict, Verifier
from tts_agent.verifiers.combination import at_least_one, combined_name


@dataclass(frozen=True, slots=True)
class Cascade:
    """Cheapest first: the next verifier sees only the samples that the one before accepted.

    Accepts what the last one accepts. The verdict of a sample is that of the last verifier that saw it, so the scores
    of the verifiers should mean the same, best of all P(correct).
    """

    verifiers: tuple[Verifier, ...]

    def __post_init__(self) -> None:
        at_least_one(self.verifiers)

    @property
    def name(self) -> str:
        return combined_name("cascade", self.verifiers)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        verdicts: dict[int, Verdict] = {}
        left = list(range(len(samples)))
        for verifier in self.verifiers:
            if not left:
                break
            judged = yield from verifier.verify(step, [samples[index] for index in left])
            verdicts.update(zip(left, judged, strict=True))
            left = [index for index in left if verdicts[index].accepted]
        return [verdicts[index] for index in range(len(samples))]
