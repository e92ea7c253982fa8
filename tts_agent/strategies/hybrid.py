"""Parallel and sequential at once: k chains, each refined for up to r rounds, until the verifier accepts one attempt.

Which (k, r) is best depends on the difficulty (Snell et al., arXiv 2408.03314): `BestShape` chooses from what was
measured. Chains go in step: a round is one wave of calls, and the first attempt accepted ends them all, so that
nothing in flight has to be cancelled.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from heapq import nlargest
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow, generate, together
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import answered, concluded, cut_short, draw, merit, verified
from tts_agent.strategies.hybrid_shape import BestShape, Shape
from tts_agent.strategies.sequential_refinement import plain_feedback
from tts_agent.verifiers import Verdict, Verifier

Attempt = tuple[Sample, Verdict]


@dataclass(frozen=True, slots=True)
class Hybrid:
    """Refines the best attempt of each chain until one is accepted, or the rounds are over.

    Then the best attempt wins; equally good ones are decided by votes among the chains, then by order. Samples drawn
    before begin the chains, the best of them if there are too many.
    """

    name: ClassVar[str] = "hybrid"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "arXiv 2408.03314"

    verifier: Verifier
    shape: Shape | BestShape
    """Fixed, or chosen for each step from its difficulty."""
    feedback: Callable[[Verdict], str] = plain_feedback

    def run(self, step: Step) -> Flow[Outcome]:
        shape = self.shape if isinstance(self.shape, Shape) else self.shape.choose(step.difficulty)
        batch = SampleBatch()
        if len(step.drawn) < shape.chains:
            step, batch = yield from draw(step, shape.chains - len(step.drawn))
        attempts = yield from self._judged(step, step.drawn)
        if not attempts:
            return concluded(self.name, cut_short(batch), step, None)
        chains = nlargest(shape.chains, attempts, key=merit)
        stop: StopReason = "rounds" if shape.rounds else "done"
        for _ in range(shape.rounds):
            if any(verdict.accepted for _, verdict in chains):
                break
            batches = yield from together(*(self._revise(step, attempt) for attempt in chains))
            samples = [batch.samples[0] if batch.samples else None for batch in batches]
            further = yield from self._judged(step, [sample for sample in samples if sample is not None])
            if not further:
                stop = cut_short(*batches)
                break
            step = step.with_drawn(tuple(sample for sample, _ in further))
            news = iter(further)
            chains = [
                chain if sample is None else _better(chain, next(news))
                for chain, sample in zip(chains, samples, strict=True)
            ]
        winner, verdict = _best(step, chains)
        stop = "accepted" if verdict.accepted else stop
        return concluded(self.name, stop, step, winner, p_correct=verdict.probability, accepted=verdict.accepted)

    def _judged(self, step: Step, samples: Sequence[Sample]) -> Flow[list[Attempt]]:
        verdicts = yield from verified(self.verifier, step, samples)
        return list(zip(samples, verdicts, strict=True))

    def _revise(self, step: Step, attempt: Attempt) -> Flow[SampleBatch]:
        sample, verdict = attempt
        request = step.request(*answered(sample, verdict.feedback or self.feedback(verdict)))
        return (yield from generate(request, 1, final=step.final))


def _better(old: Attempt, new: Attempt) -> Attempt:
    """The new attempt, unless it is worse."""
    return new if merit(new) >= merit(old) else old


def _best(step: Step, chains: Sequence[Attempt]) -> Attempt:
    answers = [vote(sample, step.answer_key) for sample, _ in chains]
    votes = [0 if answer is None else answers.count(answer) for answer in answers]
    at = max(range(len(chains)), key=lambda i: (merit(chains[i]), votes[i]))
    return chains[at]
