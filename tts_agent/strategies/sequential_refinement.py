"""Sequential refinement: answer, verify, tell the model what is wrong, answer again.

It pays with external feedback, and only then (Huang et al., arXiv 2310.01798): without a verifier this
strategy cannot be built.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, assistant, user
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import cut_short, draw, verified
from tts_agent.verifiers import Verdict, Verifier
from tts_agent.voting import Tally


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

    verifier: Verifier
    max_rounds: int = 4
    feedback: Callable[[Verdict], str] = plain_feedback

    def __post_init__(self) -> None:
        if self.max_rounds < 1:
            raise ConfigurationError(f"max_rounds is {self.max_rounds}: at least one round is needed")

    def run(self, step: Step) -> Flow[Outcome]:
        attempts = step.drawn
        batch = SampleBatch()
        if not attempts:
            step, batch = yield from draw(step, 1)
            attempts = step.drawn
        if not attempts:
            return Outcome(self.name, cut_short(batch))
        verdicts = yield from verified(self.verifier, step, attempts)
        best, verdict = max(zip(attempts, verdicts, strict=True), key=_merit)
        stop: StopReason = "rounds"
        for _ in range(self.max_rounds):
            if verdict.accepted:
                break
            request = step.request(*self._revision(best, verdict))
            batch = yield from generate(request, 1, final=step.final)
            if not batch.samples:
                stop = cut_short(batch)
                break
            attempts += batch.samples
            further = yield from verified(self.verifier, step, batch.samples)
            if _merit((batch.samples[0], further[0])) >= _merit((best, verdict)):
                best, verdict = batch.samples[0], further[0]
        votes = Tally(tuple(vote(sample, step.answer_key) for sample in attempts))
        return Outcome(
            self.name,
            "accepted" if verdict.accepted else stop,
            best,
            answer=vote(best, step.answer_key),
            samples=attempts,
            votes=votes.counts,
            p_correct=verdict.probability,
            accepted=verdict.accepted,
        )

    def _revision(self, attempt: Sample, verdict: Verdict) -> tuple[Message, ...]:
        """The turns after the question. None for an empty attempt, which no endpoint takes: it is asked again."""
        said = _as_text(attempt)
        return (assistant(said), user(verdict.feedback or self.feedback(verdict))) if said else ()


def _as_text(attempt: Sample) -> str:
    """The text and the proposed calls, none of which ran: as calls they would want results."""
    return "\n".join(part for part in (attempt.text, *map(str, attempt.tool_calls)) if part.strip())


def _merit(attempt: tuple[Sample, Verdict]) -> tuple[bool, float, float]:
    verdict = attempt[1]
    return verdict.accepted, verdict.score, float(verdict.wrong_at or 0)
