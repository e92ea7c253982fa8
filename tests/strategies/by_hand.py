"""Driving a strategy by hand: samples are sent, and what it asks for is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from tts_agent.effects import Call, FirstOf, Flow, Generate, Record, Together
from tts_agent.events import Event
from tts_agent.exceptions import SamplerError
from tts_agent.messages import user
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.strategies import Strategy

T = TypeVar("T")

STEP = Step((user("What is 2 + 2?"),), max_tokens=8)
PLAIN = replace(STEP, answer_key=lambda sample: sample.text)
"""The text is the answer: for simulations, which are many."""
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
    waiting = list(replies)

    def next_reply(ask: Generate) -> SampleBatch:
        assert waiting, f"it asked for {ask.n} samples, and no reply was left"
        return waiting.pop(0)

    played = simulate(strategy, next_reply, step)
    assert not waiting, f"it stopped before {waiting}"
    return played


def simulate(strategy: Strategy, model: Callable[[Generate], SampleBatch], step: Step = STEP) -> Played:
    """Answer its `Generate`s by a function, and its `Call`s for real. What runs concurrently runs in order."""
    played = Played(Outcome("", "done"))
    played.outcome = perform(strategy.run(step), model, played)
    return played


def perform(flow: Flow[T], model: Callable[[Generate], SampleBatch], played: Played) -> T:
    """What the flow comes to."""
    reply: Any = None
    try:
        while True:
            match flow.send(reply):
                case Generate() as ask:
                    played.asked.append(ask)
                    reply = model(ask)
                    assert len(reply.samples) <= ask.n, f"it asked for {ask.n} samples only"
                case Together(flows):
                    reply = tuple(perform(part, model, played) for part in flows)
                case FirstOf(flows, enough):
                    came: list[Any] = []
                    for part in flows:
                        came.append(perform(part, model, played))
                        if enough(came):
                            break
                    reply = tuple(came)
                case Call(function):
                    reply = function()
                case Record(event):
                    played.events.append(event)
                    reply = None
                case other:
                    raise AssertionError(f"a strategy has no use for {other}")
    except StopIteration as stop:
        result: T = stop.value
        return result


def rate(right: Sequence[bool]) -> tuple[float, float]:
    """The share of right answers, and four standard errors of it (one trial's worth at least)."""
    share = sum(right) / len(right)
    spread = max(share * (1.0 - share), 1.0 / len(right))
    return share, 4.0 * (spread / len(right)) ** 0.5
