"""Ours in the lab: price tables per class of step and bin of what was seen, under fitted populations.

The decisions of production's `PriceRule`. Everything is fitted on training questions: a population for each class,
drawn to that of all classes together; one for each bin of a view (the first sample's length, an estimator's belief),
drawn to that of the class; and what a sample costs there. The knob is the price of a token, one for all classes, as
the policy of a stream has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tts_agent.evaluation.beliefs import Beliefs, Encode, fit_beliefs, no_vectors
from tts_agent.evaluation.calibration import Belief
from tts_agent.evaluation.contenders import Setting
from tts_agent.evaluation.plans import Plan, planned
from tts_agent.evaluation.trajectories import Bools, Ints, Trajectories
from tts_agent.evaluation.views import (
    BOTH,
    ESTIMATE,
    LENGTH,
    NOTHING,
    Bins,
    Signals,
    View,
    best_view,
    bin_populations,
    signals_of,
)
from tts_agent.population import Population, VoteCounts, fit_population

TOKEN_PRICES = (*(10.0 ** (-6.0 + step / 10.0) for step in range(34, -1, -1)), 0.0)
"""From 1 / 400 to 1 / 1,000,000 of a right answer, and for nothing: the cheapest policy first."""
_OWN = 0.8
"""Weight of a bin's own mean length against that of its class."""
_STRENGTH = 30.0
FITS = 8
"""Fits that are remembered: one a fold."""
_RARE = 0.002
"""Mass of the rarest kinds of questions, which tables leave out."""


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
    bins: tuple[Bins, ...]
    """Of each class."""
    groups: tuple[Group, ...]
    """Bin by bin, class by class; the last one is for classes unknown in training."""
    beliefs: Beliefs | None
    """What views look at beside lengths."""

    def choose(self, replays: Trajectories) -> Ints:
        """(Q, R) index of each replay's group, by its class and what its class's view shows."""
        return _chosen(self, replays)

    def _choose(self, replays: Trajectories) -> Ints:
        signals = signals_of(replays, self.beliefs)
        chosen = np.full(replays.shape[:2], len(self.groups) - 1, dtype=np.int64)
        first = 0
        for name, bins in zip(self.classes, self.bins, strict=True):
            mine = replays.of_class(name)
            own = {each: values[mine] for each, values in signals.items()}
            chosen[mine] = first + bins.place(own, (int(mine.sum()), replays.shape[1]))
            first += len(bins)
        return chosen


@dataclass(frozen=True, slots=True)
class Priced:
    """A contender: stopping by price. The fields switch off what it knows, to see what each part brings."""

    by_class: bool = True
    """Whether steps of different classes have tables of their own."""
    views: tuple[View, ...] = (NOTHING, LENGTH, ESTIMATE, BOTH)
    """What it may look at; each class gets the view that predicts best on training questions."""
    shuffled: bool = False
    """Whether outcomes were dealt out anew among training questions: a predictor that learned nothing."""
    encode: Encode = no_vectors
    """Of texts, for views of an estimator."""

    def __call__(self, training: Trajectories) -> Sequence[Setting]:
        groups, most = self.fit(training), training.shape[2]
        tables = [
            list(planned(training, group.population, [price * group.tokens for price in TOKEN_PRICES], most))
            for group in groups.groups
        ]
        return [
            Plan(f"price={price:.2g}", np.stack([table[at] for table in tables]), groups.choose)
            for at, price in enumerate(TOKEN_PRICES)
        ]

    def fit(self, training: Trajectories) -> Groups:
        """Populations and costs of every class and bin; remembered for the last few training sets, which several
        contenders share."""
        return _fitted(self, training)

    def _fit(self, training: Trajectories) -> Groups:
        estimates = any(name != "length" for view in self.views for name, _ in view)
        beliefs = fit_beliefs(training, self.encode, shuffled=self.shuffled) if estimates else None
        signals = signals_of(training, beliefs)
        pooled = fit_population(training.recorded)
        classes = sorted(set(training.classes)) if self.by_class else []
        bins: list[Bins] = []
        groups: list[Group] = []
        for name in classes:
            mine = training.of_class(name)
            own, shown = training.subset(mine), {each: values[mine] for each, values in signals.items()}
            if self.shuffled:
                random = np.random.default_rng(0)
                shown = {each: random.permuted(values).astype(np.float64) for each, values in shown.items()}
            view = best_view(own, shown, self.views, pooled, _STRENGTH)
            borders, fitted = _groups(own, shown, view, pooled)
            bins.append(borders)
            groups += fitted
        everywhere = np.ones(training.shape[:2], dtype=np.bool_)
        other = Group(pooled.pruned(_RARE), _later(training, everywhere))
        return Groups(tuple(classes), tuple(bins), (*groups, other), beliefs)


@lru_cache(maxsize=FITS)
def _fitted(priced: Priced, training: Trajectories) -> Groups:
    return priced._fit(training)


@lru_cache(maxsize=FITS)
def _chosen(groups: Groups, replays: Trajectories) -> Ints:
    return groups._choose(replays)


def _groups(own: Trajectories, signals: Signals, view: View, pooled: Population) -> tuple[Bins, list[Group]]:
    """The bins of one class and their groups."""
    population = fit_population(own.recorded, pooled, strength=_STRENGTH)
    bins = Bins.of(view, signals)
    place = bins.place(signals, own.shape[:2])
    whole = _later(own, np.ones_like(place, dtype=np.bool_))
    groups = []
    for number, mine in enumerate(bin_populations(own, place, len(bins), population, _STRENGTH)):
        inside = place == number
        tokens = _OWN * _later(own, inside) + (1.0 - _OWN) * whole if inside.any() else whole
        groups.append(Group(mine.pruned(_RARE), tokens))
    return bins, groups


def mixture(training: Trajectories) -> dict[str, Belief]:
    """P(the leader is right) under each class's population, for `calibration`."""
    pooled = fit_population(training.recorded)
    return {
        name: _belief(training.subset(training.of_class(name)).recorded, pooled)
        for name in sorted(set(training.classes))
    }


def _belief(questions: Sequence[VoteCounts], pooled: Population) -> Belief:
    population = fit_population(questions, pooled, strength=_STRENGTH)
    return lambda votes: population.posterior(votes).of(votes.leader)


def _later(replays: Trajectories, inside: Bools) -> float:
    """Mean tokens of the samples after the first, prompt included, in some of the replays (Q, R)."""
    exists = np.arange(1, replays.shape[2])[None, :] < replays.lengths[:, None]
    there = exists[:, None, :] & inside[:, :, None]
    tokens = replays.tokens[:, :, 1:][there]
    return float(tokens.mean() if len(tokens) else replays.tokens[:, :, 0].mean()) + replays.prompt_tokens
