"""Any Python function as a verifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tts_agent.effects import Flow, call
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict


@dataclass(frozen=True, slots=True)
class FunctionVerifier:
    """Scores each sample with `function(step, sample)`, off the event loop.

    The function returns a bool (accepted or not), a number (a score; accepted at `accept_at` or above) or a
    whole `Verdict`. Samples that are truncated or unparseable score 0 without being shown to it.
    """

    function: Callable[[Step, Sample], bool | float | Verdict]
    accept_at: float = 1.0
    name: str = "function"

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from call(lambda: [self._judge(step, sample) for sample in samples]))

    def _judge(self, step: Step, sample: Sample) -> Verdict:
        if not sample.valid:
            return Verdict(0.0, feedback="The answer is incomplete.")
        said = self.function(step, sample)
        if isinstance(said, Verdict):
            return said
        return Verdict(float(said), accepted=float(said) >= self.accept_at)
