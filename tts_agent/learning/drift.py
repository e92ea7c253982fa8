"""Drift: whether two samples of a step agree as often as the estimator's beliefs say they will.

No label is needed. A belief about pass@1, and how the wrong answers of a class fall, give the probability q that a
second sample repeats the first one's answer; that it did (Y = 1) or did not is seen whenever a step votes. A belief
that was made before the second sample was drawn stays a fair bet whatever the policy made of the first: choosing which
steps get a second sample does not bias the test.

The test bets against "the agreement is within `tolerance` of what is predicted". A unit of money put on it at step t is
multiplied by 1 + l (Y - q - tolerance), or 1 + l (q - tolerance - Y), with a stake l: on average it does not grow while
the hypothesis holds. Each step puts in one more unit, split evenly over both directions and three stakes (a
Shiryaev-Roberts e-detector: Shin, Ramdas and Rinaldo, arXiv 2203.03532). So the mean number of steps to a false alarm
is at least the threshold, for any order and dependence of the steps.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Literal

from tts_agent import answers
from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.reasoner import Result
from tts_agent.routing import ClassProfile, Decision, Policy
from tts_agent.step import Step
from tts_agent.stopping import AdaptiveConsistency
from tts_agent.strategies import SelfConsistency

Direction = Literal["less", "more"]

_LOG = logging.getLogger(__name__)
_STAKES = (0.125, 0.25, 0.5)
"""Shares of the money that are bet: small ones find small drifts, large ones find large drifts soon."""
_SIGN: Mapping[Direction, float] = {"less": -1.0, "more": 1.0}


def second_agrees(population: Population) -> float:
    """P(the second sample gives the first one's answer), the first having given one.

    Two wrong answers are the same with probability (1 - d) / (1 + theta), see `population.components`; a second
    sample without an answer does not agree.
    """
    kinds, weights = population.components, population.weights
    right = kinds.pass_rate
    wrong = (1.0 - right) * (1.0 - kinds.invalid_rate)
    agree = right**2 + wrong**2 * (1.0 - kinds.discount) / (1.0 + kinds.concentration)
    return float(weights @ agree) / float(weights @ (right + wrong))


@dataclass(slots=True)
class Detector:
    """The test of one class of steps, which changes sides at each alarm: from "as predicted" to "off" and back.

    Args:
        tolerance: how far off the share of agreements may be without being called drift.
        threshold: the mean number of steps to a false alarm is at least this.
    """

    tolerance: float
    threshold: float
    drifted: Direction | None = None
    """Whether samples agree less or more than predicted; None: as predicted, as far as is known."""
    _money: dict[tuple[Direction, float], float] = field(default_factory=dict)

    def observe(self, predicted: float, agreed: bool) -> bool:
        """Take in one step; whether `drifted` changed."""
        for direction, sign, edge in self._hypotheses():
            for stake in _STAKES:
                growth = 1.0 + stake * sign * (float(agreed) - predicted - edge)
                self._money[direction, stake] = (self._money.get((direction, stake), 0.0) + 1.0) * growth
        if self._evidence() < self.threshold:
            return False
        richest = max(self._money, key=self._money.__getitem__)[0]
        self.drifted = None if self.drifted else richest
        self._money.clear()
        return True

    def _hypotheses(self) -> list[tuple[Direction, float, float]]:
        """Each direction that is bet on: its name, its sign, and the offset that is the edge of the hypothesis."""
        if self.drifted is None:
            return [(way, sign, sign * self.tolerance) for way, sign in _SIGN.items()]
        back: Direction = "more" if self.drifted == "less" else "less"
        return [(back, _SIGN[back], -_SIGN[back] * self.tolerance)]

    def _evidence(self) -> float:
        return sum(self._money.values()) / len(self._money)


class DriftMonitor:
    """Compares predicted and seen agreement, class by class. Thread-safe; no input or output but one log line a change.

    Show it every result (`on_result=monitor`; where there is a recorder too, a function that calls both) and put the
    policy into `Watched`. It learns from votes of steps that have a belief; a policy that never draws a second sample
    shows it nothing.

    Args:
        profiles: what the policy was given; they say how wrong answers fall.
        tolerance: how far off, as a share of agreements, is called drift. Estimators are never exact.
        steps_per_false_alarm: mean number of compared steps of a class before a false alarm, at least.

    Raises:
        ConfigurationError: an argument is out of range.
    """

    def __init__(
        self,
        profiles: Mapping[str, ClassProfile] | None = None,
        *,
        tolerance: float = 0.1,
        steps_per_false_alarm: float = 10_000.0,
    ) -> None:
        if not 0.0 <= tolerance < 1.0 or steps_per_false_alarm <= 1.0:
            raise ConfigurationError(
                "tolerance must be from 0 to below 1 and steps_per_false_alarm above 1, "
                f"got {tolerance} and {steps_per_false_alarm}"
            )
        self._profiles = profiles or {}
        self._tolerance, self._threshold = tolerance, steps_per_false_alarm
        self._detectors: dict[str, Detector] = {}
        self._lock = Lock()

    def __call__(self, result: Result) -> None:
        """Take in how a step came out; for `on_result`."""
        step = result.step
        if step.difficulty is None or len(result.outcome.samples) < 2:
            return
        first, second = (answers.vote(sample, step.answer_key) for sample in result.outcome.samples[:2])
        if first is None or result.decision.name != SelfConsistency.name:  # other strategies' samples depend on others
            return
        self.observe(step.kind, self.predicted(step.kind, step.difficulty), first == second)

    def predicted(self, kind: str, belief: Beta) -> float:
        """P(a second sample agrees with the first) of a step of this class."""
        profile = self._profiles.get(kind, ClassProfile())
        return second_agrees(profile.questions(belief, belief))

    def observe(self, kind: str, predicted: float, agreed: bool) -> None:
        """Take in one comparison."""
        with self._lock:
            detector = self._detectors.setdefault(kind, Detector(self._tolerance, self._threshold))
            changed = detector.observe(predicted, agreed)
            drifted = detector.drifted
        if changed and drifted:
            _LOG.warning("steps of class %r: %s; predictions are set aside", kind, _sentence(drifted))
        elif changed:
            _LOG.warning("steps of class %r: samples agree as predicted again; predictions are used", kind)

    def drifted(self, kind: str) -> Direction | None:
        """Whether samples of this class agree less or more than predicted; None: as predicted, as far as is known."""
        with self._lock:
            detector = self._detectors.get(kind)
            return detector.drifted if detector else None


def no_label_rule() -> SelfConsistency:
    """Votes until the leader is ahead for sure (Adaptive-Consistency, 0.95): the best rule that needs no prediction."""
    return SelfConsistency(AdaptiveConsistency(0.95))


@dataclass(frozen=True, slots=True)
class Watched:
    """`policy` while predictions hold, and `fallback` for classes of steps where they do not; the reason says so."""

    policy: Policy
    monitor: DriftMonitor
    fallback: SelfConsistency = field(default_factory=no_label_rule)

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        drifted = self.monitor.drifted(step.kind)
        if drifted is None:
            return self.policy.decide(step, budget)
        return Decision(self.fallback, f"{_sentence(drifted)}: votes decide, not predictions")


def _sentence(drifted: Direction) -> str:
    return f"samples agree {drifted} often than predicted"
