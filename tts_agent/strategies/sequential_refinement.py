"""Sequential refinement: answer, verify, tell the model what is wrong, answer again.

It pays with external feedback, and only then (Huang et al., arXiv 2310.01798): without a verifier this
strategy cannot be built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from tts_agent.effects import Flow, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import answered, concluded, cut_short, first_attempt, merit, verified
from tts_agent.verifiers import Verdict, Verifier

FeedbackWording = Callable[[Verdict], str]
"""What the model is told of a verdict that has no words of its own."""


def plain_feedback(verdict: Verdict) -> str:
    """What the model is told when the verifier has no words of its own."""
    if verdict.wrong_at is not None:
        return f"Your answer is wrong: the first mistake is in step {verdict.wrong_at}. Correct it in full."
    return "Your answer is wrong. Correct it in full."


@dataclass(frozen=True, slots=True)
class SequentialRefinement:
    """Refines the best attempt so far until the verifier accepts, at most `max_rounds` times.

    Best so far is the highest score, then the latest first mistake, then the latest attempt: an attempt that
    went astray earlier than its parent is dropped, and the parent is tried again.
    """

    name: ClassVar[str] = "sequential_refinement"
    source: ClassVar[str] = "arXiv 2303.17651, 2310.01798"

    verifier: Verifier
    max_rounds: int = 4
    feedback: FeedbackWording = plain_feedback

    def __post_init__(self) -> None:
        if self.max_rounds < 1:
            raise ConfigurationError(f"max_rounds is {self.max_rounds}: at least one round is needed")

    def run(self, step: Step) -> Flow[Outcome]:
        step, batch = yield from first_attempt(step)
        if not step.drawn:
            return Outcome(self.name, cut_short(batch))
        verdicts = yield from verified(self.verifier, step, step.drawn)
        best, verdict = max(zip(step.drawn, verdicts, strict=True), key=merit)
        stop: StopReason = "rounds"
        for _ in range(self.max_rounds):
            if verdict.accepted:
                break
            request = step.request(*answered(best, verdict.feedback or self.feedback(verdict)))
            batch = yield from generate(request, 1, final=step.final)
            if not batch.samples:
                stop = cut_short(batch)
                break
            step = step.with_drawn(batch.samples)
            further = yield from verified(self.verifier, step, batch.samples)
            if merit((batch.samples[0], further[0])) >= merit((best, verdict)):
                best, verdict = batch.samples[0], further[0]
        stop = "accepted" if verdict.accepted else stop
        return concluded(self.name, stop, step, best, p_correct=verdict.probability, accepted=verdict.accepted)
