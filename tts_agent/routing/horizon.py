"""How many steps of a task are still to come: given, or learned from the lengths of past tasks.

The length of a task is a discrete survival time. Its hazard h(t) = P(the task ends with step t | it came to
step t) is a running count of past tasks, shrunk towards the constant hazard of a geometric guess; tasks cut
off by their budget count as survivors (Kaplan and Meier 1958, with a Beta prior on each hazard).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import inf
from types import MappingProxyType
from typing import Protocol

from tts_agent.exceptions import ConfigurationError

LONGEST_TAIL = 10_000
"""Steps after which the expectation is cut off: a tail that long has no weight at any hazard that is learned."""


class Horizon(Protocol):
    """Expected number of steps ahead."""

    def ahead(self, done: int) -> float:
        """Expected number of steps still to come after `done` finished ones, the next one included; at least 1.

        It is asked when a step is about to begin, so there is one.
        """
        ...


@dataclass(frozen=True, slots=True)
class GivenHorizon:
    """Tasks of a length that is known beforehand."""

    steps: int

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ConfigurationError(f"a task of {self.steps} steps has nothing to pace: at least 1 is needed")

    def ahead(self, done: int) -> float:
        """Steps left; a task that outlives its horizon is taken to be at its last step."""
        return float(max(1, self.steps - done))


@dataclass(frozen=True, slots=True)
class LearnedHorizon:
    """Survival estimate from past tasks; before there are any, a geometric length of mean `guess`."""

    guess: float = 10.0
    """Mean number of steps of a task nobody has seen (at least 1)."""
    weight: float = 2.0
    """Tasks that the guess is worth, at every length (above 0)."""
    ended: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    """Number of steps -> past tasks that ended there by themselves."""
    cut: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    """Number of steps -> past tasks that were cut off there and would have gone on."""

    def __post_init__(self) -> None:
        if not (1.0 <= self.guess < inf and 0.0 < self.weight < inf):
            raise ConfigurationError(
                f"guess must be at least 1 and weight above 0, both finite: got {self.guess} and {self.weight}"
            )

    def learn(self, steps: int, *, finished: bool = True) -> LearnedHorizon:
        """With one more past task of `steps` steps; not `finished` if its budget or its user cut it off."""
        if steps < 0:
            raise ConfigurationError(f"a task cannot have had {steps} steps")
        counts = dict(self.ended if finished else self.cut)
        counts[steps] = counts.get(steps, 0) + 1
        frozen = MappingProxyType(counts)
        return replace(self, ended=frozen) if finished else replace(self, cut=frozen)

    def hazard(self, step: int) -> float:
        """P(the task ends with step `step` (1, 2, ...) | it came to it)."""
        return self._hazard(step, sum(count for steps, count in self._reached() if steps >= step))

    def ahead(self, done: int) -> float:
        longest = max((steps for steps, _ in self._reached()), default=0)
        at_risk = sum(count for steps, count in self._reached() if steps > done)
        reached: dict[int, int] = {}
        for steps, count in self._reached():
            reached[steps] = reached.get(steps, 0) + count
        expected, survival = 0.0, 1.0
        for step in range(done + 1, min(longest, done + LONGEST_TAIL) + 1):
            expected += survival
            survival *= 1.0 - self._hazard(step, at_risk)
            at_risk -= reached.get(step, 0)
        return expected + survival * self.guess  # beyond the longest task seen the guess alone remains

    def _hazard(self, step: int, at_risk: int) -> float:
        return (self.weight / self.guess + self.ended.get(step, 0)) / (self.weight + at_risk)

    def _reached(self) -> list[tuple[int, int]]:
        """(steps, tasks) of all past tasks. One cut off at step t is at risk of ending there too: it did not."""
        return [*self.ended.items(), *self.cut.items()]


@dataclass(frozen=True, slots=True)
class StepMix:
    """How often each class of steps occurs, learned as tasks go by."""

    counts: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Class -> steps seen; start it with fractions where a mix is expected beforehand."""

    def __post_init__(self) -> None:
        if any(not 0.0 <= count < inf for count in self.counts.values()):
            raise ConfigurationError(f"counts of steps must be finite and >= 0: {dict(self.counts)}")

    def saw(self, kind: str) -> StepMix:
        """With one more step of class `kind`."""
        return StepMix(MappingProxyType({**self.counts, kind: self.counts.get(kind, 0.0) + 1.0}))

    def shares(self, known: Mapping[str, object]) -> dict[str, float]:
        """Share of each class of `known`, which sum to 1, with one pseudo-count spread over all of them.

        Classes outside `known` are left out: nothing is known about what they cost.
        """
        total = 1.0 + sum(self.counts.get(kind, 0.0) for kind in known)
        return {kind: (self.counts.get(kind, 0.0) + 1.0 / len(known)) / total for kind in known}
