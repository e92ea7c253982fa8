"""Policies that compete in the lab, each with a sweep of its one knob.

A contender is a function: training trajectories in, settings of its knob out (the cheapest first, the same knob values
whatever the training data). It may fit what it likes on the training questions, their correctness included; what
comes back is played on questions it has not seen. A new policy is one more entry in a mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, Protocol

from tts_agent.evaluation.play import Play, play
from tts_agent.evaluation.trajectories import Ints, Trajectories
from tts_agent.stopping import AdaptiveConsistency, FixedSize, StoppingRule, Window


class Setting(Protocol):
    """A policy with its knob set. Settings that are equal (==) play alike, and are played once."""

    @property
    def label(self) -> str:
        """The knob's value, for people."""
        ...

    def play(self, replays: Trajectories) -> Play:
        """Play every replay. It sees votes, tokens, classes and texts; looking at correctness would be cheating."""
        ...


Contender = Callable[[Trajectories], Sequence[Setting]]
"""Training trajectories in, settings out."""


@dataclass(frozen=True, slots=True)
class OneRule:
    """The same stopping rule for every step."""

    label: str
    rule: StoppingRule

    def play(self, replays: Trajectories) -> Play:
        return play(replays, self.rule)


@dataclass(frozen=True, slots=True)
class RulePerClass:
    """A rule for each class of step."""

    label: str
    rules: Mapping[str, StoppingRule]
    other: StoppingRule
    """For classes without a rule."""

    def play(self, replays: Trajectories) -> Play:
        import numpy as np

        rules = [*self.rules.values(), self.other]
        index = {name: at for at, name in enumerate(self.rules)}
        which = np.array([index.get(name, len(rules) - 1) for name in replays.classes], dtype=np.int64)
        return play(replays, rules, np.repeat(which[:, None], replays.shape[1], axis=1))


@dataclass(frozen=True, slots=True)
class RulePerReplay:
    """A rule for each replay, chosen by its class, its text or what its first sample showed."""

    label: str
    rules: tuple[StoppingRule, ...]
    choose: Callable[[Trajectories], Ints]
    """(Q, R) index into `rules`. Whoever looks at a first sample pays for it: its rules must ask for at least one."""

    def play(self, replays: Trajectories) -> Play:
        return play(replays, self.rules, self.choose(replays))


@dataclass(frozen=True)
class RememberingConsistency(AdaptiveConsistency):
    """Adaptive-Consistency that computes each confidence once: it depends on leader and runner-up alone."""

    order_matters: ClassVar[bool] = False
    only_top_two: ClassVar[bool] = True

    @staticmethod
    @cache
    def confidence(leader: int, second: int) -> float:
        return AdaptiveConsistency.confidence(leader, second)


SIZES = (*range(1, 13), 15, 20, 25, 30, 40, 60, 80, 100)
THRESHOLDS = (
    *(0.74, 0.76, 0.80, 0.82, 0.85, 0.87, 0.88, 0.90, 0.92, 0.93),
    *(0.94, 0.95, 0.96, 0.965, 0.97, 0.98, 0.99, 0.995, 0.999),
)
"""Below .75 a single vote settles it."""
WINDOWS = (2, 3, 4, 5, 6, 8, 10)


def self_consistency(training: Trajectories) -> list[Setting]:
    """SC-k: a fixed number of samples, from one to all."""
    most = training.shape[2]
    return [OneRule(f"n={n}", FixedSize(n)) for n in sorted({*(size for size in SIZES if size < most), most})]


def adaptive_consistency(training: Trajectories) -> list[Setting]:
    """Adaptive-Consistency at every threshold: the sweep is the tuned one.

    At .5 it is a single sample, even one that could not vote; above, it draws again until somebody voted.
    """
    most = training.shape[2]
    single = OneRule("threshold=0.5", FixedSize(1))
    return [single, *(OneRule(f"threshold={t:g}", RememberingConsistency(t, most)) for t in THRESHOLDS)]


def adaptive_consistency_95(training: Trajectories) -> list[Setting]:
    """Adaptive-Consistency as published, at .95."""
    return [OneRule("threshold=0.95", RememberingConsistency(0.95, training.shape[2]))]


def window(training: Trajectories) -> list[Setting]:
    """ESC with windows of every size; one of size 1 is a single sample."""
    most = training.shape[2]
    windows = [OneRule(f"window={size}", Window(size, most)) for size in WINDOWS if size <= most]
    return [OneRule("window=1", FixedSize(1)), *windows]


SINGLE_AND_VOTE = "SC-k"
TUNED_AC = "AC, tuned"
AC_95 = "AC(.95)"
ESC = "ESC, tuned"

BASELINES: dict[str, Contender] = {
    SINGLE_AND_VOTE: self_consistency,
    TUNED_AC: adaptive_consistency,
    AC_95: adaptive_consistency_95,
    ESC: window,
}
"""What every report has; SC-k and Adaptive-Consistency are what the others are compared with."""
