"""Several verifiers, weighed against each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import ClassVar

from tts_agent.effects import Flow
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict, Verifier
from tts_agent.verifiers.combination import at_least_one, combined_name, complaint_of, judged_by_each


@dataclass(frozen=True, slots=True)
class Weighted:
    """Accepts from a weighted mean of the scores on, each clipped to 0..1. All verifiers see all samples, together.

    With equal weights and verifiers that say yes or no this is the share of approvals of multi-agent verification
    (BoN-MAV, Lifshitz et al., arXiv 2502.20379).
    """

    source: ClassVar[str] = "arXiv 2502.20379"

    verifiers: tuple[Verifier, ...]
    weights: tuple[float, ...] = ()
    """One a verifier, >= 0; empty gives all the same."""
    accept_at: float = 0.5

    def __post_init__(self) -> None:
        at_least_one(self.verifiers)
        if self.weights and (len(self.weights) != len(self.verifiers) or min(self.weights) < 0.0):
            raise ConfigurationError(f"there must be one weight >= 0 a verifier: {self.weights}")
        if self.weights and sum(self.weights) <= 0.0:
            raise ConfigurationError("at least one weight must be above 0")

    @property
    def name(self) -> str:
        return combined_name("weighted", self.verifiers)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        weights = self.weights or (1.0,) * len(self.verifiers)
        return [
            self._mean(verdicts, weights) for verdicts in (yield from judged_by_each(self.verifiers, step, samples))
        ]

    def _mean(self, verdicts: Sequence[Verdict], weights: Sequence[float]) -> Verdict:
        shares = [weight * verdict.probability for weight, verdict in zip(weights, verdicts, strict=True)]
        score = fsum(shares) / fsum(weights)
        if score >= self.accept_at:
            return Verdict(score, accepted=True)
        complaint = complaint_of(verdicts)
        return Verdict(score, wrong_at=complaint.wrong_at, feedback=complaint.feedback)
