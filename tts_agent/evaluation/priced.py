"""Ours in the lab: price tables per class of step and bin of the first sample's length, under fitted populations.

The same `PriceRule` as in production. Everything is fitted on training questions: a population for each class, drawn
to that of all classes together; one for each bin of the first sample's length, drawn to that of the class; and
what a sample costs there. The knob is the price of a token, one for all classes, as the policy of a stream has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.calibration import Belief
from tts_agent.evaluation.contenders import RulePerReplay, Setting
from tts_agent.evaluation.trajectories import Bools, Ints, Trajectories
from tts_agent.population import Population, VoteCounts, fit_population
from tts_agent.stopping import PriceRule, Prices, StoppingRule
from tts_agent.voting import Tally

Floats = NDArray[np.float64]

TOKEN_PRICES = tuple(10.0 ** (-6.0 + step / 10.0) for step in range(35))[::-1]
"""From 1 / 400 to 1 / 1,000,000 of a right answer: the cheapest policy first."""
BINS = 4
"""Of the first sample's length, of equal mass in each class."""
_OWN = 0.8
"""Weight of a bin's own mean length against that of its class."""
_STRENGTH = 30.0
_RARE = 0.002
"""Mass of the rarest kinds of questions, which tables leave out."""


@dataclass(frozen=True, slots=True)
class AtLeastOne:
    """A rule that draws one sample whatever it costs."""

    order_matters: ClassVar[bool] = False

    rule: StoppingRule

    def still_needed(self, votes: Tally) -> int:
        return max(self.rule.still_needed(votes), 1 - votes.drawn)


@dataclass(frozen=True, eq=False)
class Group:
    """Steps that share a table."""

    population: Population
    tokens: float
    """Expected tokens of a further sample, prompt included."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Where each replay belongs."""

    classes: tuple[str, ...]
    edges: tuple[Floats, ...]
    """Of each class: between the bins of the first sample's length."""
    groups: tuple[Group, ...]
    """Bin by bin, class by class; the last one is for classes unknown in training."""

    def choose(self, replays: Trajectories) -> Ints:
        """(Q, R) index of each replay's group, by its class and its first sample's length."""
        chosen = np.full(replays.shape[:2], len(self.groups) - 1, dtype=np.int64)
        for number, name in enumerate(self.classes):
            mine = _members(replays, name)
            chosen[mine] = number * (len(self.edges[number]) + 1) + _bins(
                replays.tokens[mine, :, 0], self.edges[number]
            )
        return chosen


@dataclass(frozen=True, slots=True)
class Priced:
    """A contender: stopping by price. The fields switch off what it knows, to see what each part brings."""

    by_class: bool = True
    """Whether steps of different classes have tables of their own."""
    bins: int = BINS
    """Of the first sample's length; 1 does not look at it."""
    shuffled: bool = False
    """Whether the first samples were dealt out anew among training questions: a predictor that learned nothing."""

    def __call__(self, training: Trajectories) -> Sequence[Setting]:
        groups = self.fit(training)
        most = training.shape[2]
        return [
            RulePerReplay(
                f"price={price:.2g}",
                tuple(
                    AtLeastOne(PriceRule(group.population, Prices(price * group.tokens), most))
                    for group in groups.groups
                ),
                groups.choose,
            )
            for price in TOKEN_PRICES
        ]

    def fit(self, training: Trajectories) -> Groups:
        """Populations and costs of every class and bin."""
        pooled = fit_population(training.recorded)
        classes = sorted(set(training.classes)) if self.by_class else []
        edges: list[Floats] = []
        groups: list[Group] = []
        for name in classes:
            edge, fitted = self._bins_of(training.subset(_members(training, name)), pooled)
            edges.append(edge)
            groups += fitted
        everywhere = np.ones(training.shape[:2], dtype=np.bool_)
        other = Group(pooled.pruned(_RARE), _later(training, everywhere))
        return Groups(tuple(classes), tuple(edges), (*groups, other))

    def _bins_of(self, own: Trajectories, pooled: Population) -> tuple[Floats, list[Group]]:
        population = fit_population(own.recorded, pooled, strength=_STRENGTH)
        first = own.tokens[:, :, 0]
        edges = np.quantile(first, np.linspace(0.0, 1.0, self.bins + 1)[1:-1])
        place = _bins(first, edges)
        if self.shuffled:
            place = np.random.default_rng(0).permutation(place)
        whole = _later(own, np.ones_like(place, dtype=np.bool_))
        groups = []
        for number in range(self.bins):
            inside = place == number
            share = inside.mean(axis=1)
            if self.bins == 1 or not inside.any():
                groups.append(Group(population.pruned(_RARE), whole))
                continue
            mine = fit_population(own.recorded, population, strength=_STRENGTH, weights=share.tolist())
            groups.append(Group(mine.pruned(_RARE), _OWN * _later(own, inside) + (1.0 - _OWN) * whole))
        return edges, groups


def mixture(training: Trajectories) -> dict[str, Belief]:
    """P(the leader is right) under each class's population, for `calibration`."""
    pooled = fit_population(training.recorded)
    return {name: _belief(_recorded(training, name), pooled) for name in sorted(set(training.classes))}


def _belief(questions: Sequence[VoteCounts], pooled: Population) -> Belief:
    population = fit_population(questions, pooled, strength=_STRENGTH)
    return lambda votes: population.posterior(votes).of(votes.leader)


def _recorded(training: Trajectories, name: str) -> list[VoteCounts]:
    return [counts for counts, each in zip(training.recorded, training.classes, strict=True) if each == name]


def _members(replays: Trajectories, name: str) -> Bools:
    return np.array([each == name for each in replays.classes], dtype=np.bool_)


def _bins(first: Ints, edges: Floats) -> Ints:
    return np.searchsorted(edges, first, side="right").astype(np.int64)


def _later(replays: Trajectories, inside: Bools) -> float:
    """Mean tokens of the samples after the first, prompt included, in some of the replays (Q, R)."""
    exists = np.arange(1, replays.shape[2])[None, :] < replays.lengths[:, None]
    there = exists[:, None, :] & inside[:, :, None]
    tokens = replays.tokens[:, :, 1:][there]
    return float(tokens.mean() if len(tokens) else replays.tokens[:, :, 0].mean()) + replays.prompt_tokens
