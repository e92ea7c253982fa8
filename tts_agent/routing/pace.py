"""The pace of a task: how many steps are to come, what they cost, and so what a token may cost the step at hand.

    token_budget(60_000, pace=Pace(steps=12))
    token_budget(60_000, pace=Pace(LearnedHorizon().learn(9).learn(14)))  # lengths of past tasks

It is attached to a budget, which knows what was spent and which steps are done, for every node, sub-agent, thread and
process on it. Nothing else needs to be known: classes of steps that were not measured are taken to cost what their
calls cost so far, and to be like the questions that a policy without a profile believes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from math import exp

from tts_agent.budget.steps import ClassTotal, Progress, Steps
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.routing.curves import StepCurve
from tts_agent.routing.horizon import GivenHorizon, Horizon, LearnedHorizon, StepMix
from tts_agent.routing.pacing import Pacing, TaskPace, Work
from tts_agent.routing.profile import ClassProfile
from tts_agent.routing.vote_curve import VoteCurve


@dataclass(frozen=True, slots=True)
class Pace:
    """How a budget prices its tokens (`budget.Pacer`). A policy that has a price never goes below the pace's."""

    steps: int | Horizon = field(default_factory=LearnedHorizon)
    """Steps of the whole task; or a horizon, for one thing learned from the lengths of past tasks. What
    `Budget.expect` says during a task goes before it."""
    profiles: Mapping[str, ClassProfile] = field(default_factory=dict)
    """What was measured about each class of steps (`ProfileFile.read(path).profiles`)."""
    curves: Mapping[str, StepCurve] = field(default_factory=dict)
    """Cost and success against price of classes where they were measured themselves, before and beside `profiles`."""
    pacing: Pacing = field(default_factory=Pacing)
    least: int = 0
    """Fewest tokens that a step can do with, prompt included. A budget that could not give every step as many is
    refused before its first call."""
    max_samples: int = 8
    """Most samples of a step, where its cost is not measured."""

    def __post_init__(self) -> None:
        if isinstance(self.steps, bool) or not (isinstance(self.steps, int) or hasattr(self.steps, "ahead")):
            raise ConfigurationError(f"steps is {self.steps!r}: give a number of steps, or a horizon")
        if min(self.least, self.max_samples - 1) < 0:
            raise ConfigurationError(
                f"least must be at least 0 and max_samples at least 1: got {self.least} and {self.max_samples}"
            )
        self._horizon()

    def price(self, kind: str, call_tokens: int, progress: Progress) -> float:
        """See `budget.Pacer`."""
        done = progress.steps.done
        seen = {name: self._curve(name, total) for name, total in done.items() if min(total.calls, total.tokens) > 0}
        left = progress.left + call_tokens  # the first call is in the curve, and paid for already
        call_tokens = call_tokens or self._usual(done)
        fresh = partial(replace, call_tokens=max(1, call_tokens))
        curves: dict[str, StepCurve] = {**seen, **self.curves}
        now: StepCurve = self.curves.get(kind) or fresh(seen.get(kind) or self._curve(kind, ClassTotal()))
        if by_class := dict(progress.steps.ahead_of):
            by_class[kind] = max(0, by_class.get(kind, 0) - 1)
            later = [
                Work(curves.get(each) or fresh(self._curve(each, ClassTotal())), n) for each, n in by_class.items()
            ]
            return self.pacing.solve([Work(now), *later], left).prices[0]
        said = progress.steps.ahead
        task = TaskPace(
            left,
            curves or {kind: now},
            horizon=self._horizon() if said is None else GivenHorizon(said),
            mix=StepMix({name: float(total.steps) for name, total in done.items()}),
            pacing=self.pacing,
            done=progress.steps.total if said is None else 0,
        )
        return task.plan(kind, now).prices[0]

    def least_tokens(self, steps: Steps) -> int:
        """See `budget.Pacer`."""
        return int(self.least * (self._horizon().ahead(steps.total) if steps.ahead is None else steps.ahead))

    def _horizon(self) -> Horizon:
        return GivenHorizon(self.steps) if isinstance(self.steps, int) else self.steps

    @staticmethod
    def _usual(done: Mapping[str, ClassTotal]) -> int:
        """Tokens of a call as they were so far; 0 where none was made."""
        calls = sum(total.calls for total in done.values())
        return sum(total.tokens for total in done.values()) // calls if calls else 0

    def _curve(self, kind: str, seen: ClassTotal) -> VoteCurve:
        questions = self.profiles.get(kind, ClassProfile()).questions(None, Beta(1.0, 1.0))
        if not seen.calls:
            return VoteCurve(questions, 1.0, self.max_samples)
        curve = VoteCurve(questions, seen.tokens / seen.calls, self.max_samples)
        return curve.corrected(seen.calls, exp(seen.log_prices / seen.steps), seen.steps)
