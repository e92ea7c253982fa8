"""A cascade over arms as a strategy: draw, look at length and agreement, escalate while that pays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow, generate, record
from tts_agent.events import Decided
from tts_agent.routing.arms import ArmPolicy, Draw
from tts_agent.step import Outcome, Step, StopReason
from tts_agent.strategies.base import cut_short


@dataclass(frozen=True, slots=True)
class ArmCascade:
    """Asks the arm that `policy` names, with that arm's options on top of the step's, until it says stop.

    Samples already in `step.drawn` are not used: nobody knows which arm drew them. When a call brings nothing, the
    best answer so far stands. Signals that are known before any call are looked up by the step's class.
    """

    name: ClassVar[str] = "arm_cascade"

    policy: ArmPolicy
    context: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    """Class of step -> value of each signal of `policy.model.context`; needed if the model has any."""

    def run(self, step: Step) -> Flow[Outcome]:
        context = self.context.get(step.kind, ())
        samples, draws = step.drawn[:0], list[Draw]()
        stop: StopReason = "settled"
        while (decision := self.policy.decide(draws, context)).arm is not None:
            arm = self.policy.model.arms[decision.arm]
            yield from record(
                Decided(
                    f"{self.name}: {arm.name}",
                    self.policy.price,
                    "its gain per token is worth the price" if draws else "it is the arm to start with",
                    self._named(decision.values),
                )
            )
            request = replace(step.request(), options={**step.options, **arm.options})
            batch = yield from generate(request, 1, final=step.final)
            if not batch.samples:
                stop = cut_short(batch)
                break
            samples += batch.samples
            sample = batch.samples[0]
            draws.append(Draw(decision.arm, float(sample.usage.output_tokens) or None, vote(sample, step.answer_key)))
        if not samples:
            return Outcome(self.name, stop)
        last = self.policy.decide(draws, context)
        assert last.answer is not None
        winner = samples[last.answer]
        return Outcome(
            self.name,
            stop,
            winner,
            answer=draws[last.answer].answer,
            samples=samples,
            votes=replace(step, drawn=samples).tally().counts,
            p_correct=last.values[0],
        )

    def _named(self, values: tuple[float, ...]) -> dict[str, float]:
        """The values by name; arms that may not be drawn again are left out."""
        names = ("stop", *(arm.name for arm in self.policy.model.arms))
        return {name: value for name, value in zip(names, values, strict=True) if isfinite(value)}
