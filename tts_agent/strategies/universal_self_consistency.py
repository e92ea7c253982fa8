"""Universal self-consistency: the model itself says which of its replies is the most consistent with the others.

For open-ended answers, where no two replies are the same text. One further call reads all of them: its tokens are on
the ledger. Source: Chen et al., arXiv 2311.17311.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from tts_agent.effects import Flow, generate
from tts_agent.messages import Message, assistant, user
from tts_agent.sampling import Sample
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize, StoppingRule
from tts_agent.strategies.base import aside, concluded, cut_short, draw_under, majority, shown

QUESTION = (
    "Above are {n} independent responses to the request. Which of them agrees best with what most of them say? "
    "End with its number alone, as in: Response 2"
)
_CHOICE = re.compile(r"(?i:response)\W{0,4}(\d+)")


@dataclass(frozen=True, slots=True)
class UniversalSelfConsistency:
    """Draws what the rule needs and returns the response that the model chooses among those that are complete.

    The majority, else the first response, is returned where the choice cannot be read or paid. Where all answers
    are the same nobody is asked.
    """

    name: ClassVar[str] = "universal_self_consistency"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "arXiv 2311.17311"

    rule: StoppingRule = field(default_factory=lambda: FixedSize(5))
    question: str = QUESTION
    """What stands after the responses; {n} is their number."""

    def run(self, step: Step) -> Flow[Outcome]:
        step, stop = yield from draw_under(self.rule, step)
        complete = [sample for sample in step.drawn if sample.valid]
        winner = majority(step)
        if len(complete) < 3 or len(step.tally().counts) == 1:
            return concluded(self.name, stop, step, winner)
        batch = yield from generate(aside(step, *self._ask(complete)), 1, final=step.final)
        if not batch.samples:
            return concluded(self.name, cut_short(batch), step, winner)
        chosen = [int(number) for number in _CHOICE.findall(batch.samples[0].text)]
        if chosen and 1 <= chosen[-1] <= len(complete):
            winner = complete[chosen[-1] - 1]
        return concluded(self.name, stop, step, winner)

    def _ask(self, responses: Sequence[Sample]) -> tuple[Message, Message]:
        listed = (f"Response {number}:\n{shown(response)}" for number, response in enumerate(responses, start=1))
        return assistant("\n\n".join(listed)), user(self.question.format(n=len(responses)))
