"""One call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow
from tts_agent.sampling import SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.strategies.base import cut_short, draw, usable


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
        return Outcome(
            self.name,
            "done",
            winner,
            answer=vote(winner, step.answer_key),
            samples=step.drawn,
            votes=step.tally().counts,
            p_correct=step.difficulty.mean if step.difficulty else None,
        )
