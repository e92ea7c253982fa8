"""One call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tts_agent.effects import Flow
from tts_agent.sampling import SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.strategies.base import concluded, cut_short, draw, usable


@dataclass(frozen=True, slots=True)
class Single:
    """The model's first answer."""

    name: ClassVar[str] = "single"

    def run(self, step: Step) -> Flow[Outcome]:
        batch = SampleBatch()
        if not step.drawn:
            step, batch = yield from draw(step, 1, alone=True)
        winner = usable(step, step.drawn)
        if winner is None:
            return Outcome(self.name, cut_short(batch))
        p_correct = step.difficulty.mean if step.difficulty else None
        return concluded(self.name, "done", step, winner, p_correct=p_correct)
