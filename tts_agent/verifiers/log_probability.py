"""The model's own confidence as a verifier: the probability it gave to what it wrote. It costs no tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import ClassVar

from tts_agent.effects import Flow, call
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict


@dataclass(frozen=True, slots=True)
class LogProbability:
    """Scores a sample exp(mean log-probability of its tokens / `temperature`), 0 to 1; accepts nothing.

    A lower temperature tells samples further apart. The score ranks and weighs; it is no P(correct). A sample
    without log-probabilities scores 1/2, so that where an endpoint gives none, all count the same.
    Source: Taubenfeld et al., arXiv 2502.06233, who weigh votes so.
    """

    needs: ClassVar[tuple[str, ...]] = ("log-probabilities",)
    source: ClassVar[str] = "arXiv 2502.06233"

    temperature: float = 1.0
    name: str = "log_probability"

    def __post_init__(self) -> None:
        if not self.temperature > 0.0:
            raise ConfigurationError(f"temperature is {self.temperature}: it must be above 0")

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from call(lambda: [Verdict(self._score(sample)) for sample in samples]))

    def _score(self, sample: Sample) -> float:
        return 0.5 if sample.logprob is None else exp(min(0.0, sample.logprob) / self.temperature)
