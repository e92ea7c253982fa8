"""The contract of a strategy, and what strategies share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from tts_agent.answers import vote
from tts_agent.effects import Flow, generate, record
from tts_agent.events import Verified
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.verifiers import Verdict, Verifier
from tts_agent.voting import Tally


class Strategy(Protocol):
    """Answers a step. It copes with any number of samples from 0 to what it asked for, at every point."""

    @property
    def name(self) -> str:
        """The field's term for it: "single", "self_consistency", "best_of_n", ..."""
        ...

    def run(self, step: Step) -> Flow[Outcome]:
        """Start from `step.drawn`, ask for more as needed, and come to an outcome."""
        ...


def draw(step: Step, n: int, *, alone: bool = False) -> Flow[tuple[Step, SampleBatch]]:
    """Draw up to `n` more samples of the step itself; `alone` says that there will be no other."""
    batch = yield from generate(replace(step.request(), alone=alone), n, final=step.final)
    return step.with_drawn(batch.samples), batch


def cut_short(batch: SampleBatch) -> StopReason:
    """Why a batch brought nothing."""
    return "budget" if batch.exhausted else "failed"


def verified(verifier: Verifier, step: Step, samples: Sequence[Sample]) -> Flow[list[Verdict]]:
    """The verdicts on `samples`, put on the trace."""
    if not samples:
        return []
    verdicts = list((yield from verifier.verify(step, samples)))
    scores = tuple(verdict.score for verdict in verdicts)
    yield from record(Verified(verifier.name, scores, sum(verdict.accepted for verdict in verdicts)))
    return verdicts


def voters(samples: Sequence[Sample], tally: Tally) -> list[Sample]:
    """The samples whose vote is the leader's."""
    return [sample for sample, cast in zip(samples, tally.votes, strict=True) if cast == tally.leader]


def usable(step: Step, samples: Sequence[Sample]) -> Sample | None:
    """The first sample with an answer, else the first at all: better a cut-off reply than none."""
    answered = (sample for sample in samples if vote(sample, step.answer_key) is not None)
    return next(answered, samples[0] if samples else None)
