"""Driving a strategy by hand: samples are sent, and what it asks for is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tts_agent.effects import Call, Generate, Record
from tts_agent.events import Event
from tts_agent.exceptions import SamplerError
from tts_agent.messages import user
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.strategies import Strategy

STEP = Step((user("What is 2 + 2?"),), max_tokens=8)
NO_BUDGET = SampleBatch(exhausted=True)
NO_LUCK = SampleBatch(failures=(SamplerError("dropped"),))


def says(answer: object) -> Sample:
    return Sample(f"The answer is {answer}.")


def batch(*answers: object) -> SampleBatch:
    return SampleBatch(tuple(says(answer) for answer in answers))


@dataclass
class Played:
    """How it went."""

    outcome: Outcome
    asked: list[Generate] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def sizes(self) -> list[int]:
        return [effect.n for effect in self.asked]


def play(strategy: Strategy, replies: Sequence[SampleBatch] = (), step: Step = STEP) -> Played:
    """Answer its `Generate`s with the replies, in order, and its `Call`s for real; it must want exactly those."""
    flow, played, waiting = strategy.run(step), Played(Outcome("", "done")), list(replies)
    try:
        effect = next(flow)
        while True:
            match effect:
                case Generate(n=n):
                    played.asked.append(effect)
                    assert waiting, f"it asked for {n} samples, and no reply was left"
                    assert len(waiting[0].samples) <= n, f"it asked for {n} samples only"
                    effect = flow.send(waiting.pop(0))
                case Call(function):
                    effect = flow.send(function())
                case Record(event):
                    played.events.append(event)
                    effect = flow.send(None)
                case other:
                    raise AssertionError(f"a strategy has no use for {other}")
    except StopIteration as stop:
        played.outcome = stop.value
    assert not waiting, f"it stopped before {waiting}"
    return played
