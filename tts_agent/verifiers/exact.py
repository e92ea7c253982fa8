"""An exact checker: right or wrong without error, and where the first wrong step is if it can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tts_agent.effects import Flow, call
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict


@dataclass(frozen=True, slots=True)
class Checked:
    """The result of an exact check."""

    right: bool
    wrong_at: int | None = None
    """1-based number of the first wrong step, when the check can locate it."""


@dataclass(frozen=True, slots=True)
class ExactChecker:
    """Wraps `check(question, text)`, which must hold for every right text and for no wrong one.

    It sees the question and the sample, never a gold answer: recomputing a sum, running a unit test,
    validating a proof. What it accepts ends the search, and counts as correct.
    """

    check: Callable[[str, str], Checked]
    name: str = "exact"

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from call(lambda: [self._judge(step, sample) for sample in samples]))

    def _judge(self, step: Step, sample: Sample) -> Verdict:
        if not sample.text.strip():
            return Verdict(0.0)
        checked = self.check(step.text, sample.text)
        return Verdict(float(checked.right), accepted=checked.right, wrong_at=checked.wrong_at)
