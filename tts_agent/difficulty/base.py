"""The contract of a difficulty estimator, and what it may look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from tts_agent.probability import Beta
from tts_agent.sampling import FinishReason, Sample
from tts_agent.step import Step

UNNAMED = frozenset({"default", "user turn"})
"""Classes that say nothing about the question: what nodes and agents call their steps unless they are told."""


@dataclass(frozen=True, slots=True)
class StepText:
    """Everything stage one sees: what is known before any call."""

    text: str
    kind: str = "default"
    """Class of step."""
    model: str = ""
    """Identity of the target model."""
    tools: int = 0
    """Number of tools offered."""
    turns: int = 1
    """Number of messages so far, which grows as an agent works."""

    @classmethod
    def of(cls, step: Step, model: str) -> StepText:
        """What a step shows before its first call."""
        return cls(step.text, step.kind, model, len(step.tools), len(step.messages))


@dataclass(frozen=True, slots=True)
class SampleSignals:
    """Everything stage two sees of the first sample. Never the answer itself: that enters as a vote."""

    output_tokens: int
    """As reported, reasoning included (or not: the sign is learned per model)."""
    finish_reason: FinishReason
    logprob: float | None = None
    """Mean log-probability per output token, nats."""
    valid: bool = True
    """Complete, and every tool call parseable."""
    verifier_score: float | None = None

    @classmethod
    def of(cls, sample: Sample, verifier_score: float | None = None) -> SampleSignals:
        """The signals of a sample."""
        return cls(sample.usage.output_tokens, sample.finish_reason, sample.logprob, sample.valid, verifier_score)


class Estimator(Protocol):
    """Predicts pass@1 as a distribution. Both methods may block (encoders do): the driver runs them in a thread."""

    def predict(self, steps: Sequence[StepText]) -> Sequence[Beta]:
        """One Beta over pass@1 a step, before any call, in order."""
        ...

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        """The belief after the first sample's signals were seen."""
        ...


@runtime_checkable
class Classifier(Protocol):
    """What an estimator may be too: it says which class a step is of. The reasoner asks it before it predicts."""

    def kind(self, step: StepText) -> str:
        """The class of a step; may block, and gives a step's own class back where it knows no better."""
        ...
