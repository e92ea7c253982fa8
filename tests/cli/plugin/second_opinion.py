"""Replies of few words, and a second look at those that are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tts_agent.difficulty.base import SampleSignals, StepText
from tts_agent.effects import Flow
from tts_agent.probability import Beta
from tts_agent.sampling import Sample
from tts_agent.step import Outcome, Step
from tts_agent.strategies.base import concluded, cut_short, draw, usable, verified
from tts_agent.verifiers import FunctionVerifier, Verifier


def _is_brief(step: Step, sample: Sample) -> bool:
    return len(sample.text.split()) <= 20


brief = FunctionVerifier(_is_brief, name="brief")


@dataclass(frozen=True)
class SecondOpinion:
    """Asks once more where the verifier rejects the first reply. The better scored of the two is returned."""

    name: ClassVar[str] = "second_opinion"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "folklore"

    verifier: Verifier = brief

    def run(self, step: Step) -> Flow[Outcome]:
        accepted = False
        while len(step.drawn) < 2 and not accepted:
            step, batch = yield from draw(step, 1)
            if not batch.samples:
                return concluded(self.name, cut_short(batch), step, usable(step, step.drawn))
            (verdict,) = yield from verified(self.verifier, step, batch.samples)
            accepted = verdict.accepted
        verdicts = yield from verified(self.verifier, step, step.drawn)
        best = max(range(len(verdicts)), key=lambda at: (verdicts[at].accepted, verdicts[at].score))
        said = verdicts[best].accepted
        return concluded(self.name, "accepted" if said else "done", step, step.drawn[best], accepted=said)


class Coin:
    """Knows nothing: every step is as likely to be easy as to be hard."""

    def predict(self, steps: Sequence[StepText]) -> Sequence[Beta]:
        return [Beta(1.0, 1.0)] * len(steps)

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        return difficulty


def failing() -> SecondOpinion:
    """Would be a second opinion, if there were room for one."""
    raise OSError("the disk is full")
