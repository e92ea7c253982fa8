"""What a policy looks at to tell steps of one class apart: the first sample's length, an estimator's belief, or both.

A view sorts replays into bins of equal mass on training questions. Which view a class gets is decided on training
questions alone: by how well populations fitted to bins of some of them predict the recorded counts of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.beliefs import Beliefs
from tts_agent.evaluation.folds import folds
from tts_agent.evaluation.trajectories import Ints, Trajectories
from tts_agent.population import Population, fit_population

Floats = NDArray[np.float64]

Signal = Literal["length", "text", "estimate"]
"""Tokens of the first sample; stage one's mean; stage two's, which has seen text and first sample."""

View = tuple[tuple[Signal, int], ...]
"""Signals with their numbers of bins; all combinations of bins. Empty: looks at nothing."""

NOTHING: View = ()
LENGTH: View = (("length", 4),)
ESTIMATE: View = (("estimate", 4),)
BOTH: View = (("length", 3), ("text", 3))

Signals = Mapping[Signal, Floats]
"""(Q, R) each."""

_INNER_FOLDS = 4
_RARE = 0.002
"""Mass of the rarest kinds of questions, which play no part in the choice."""


@dataclass(frozen=True, eq=False)
class Bins:
    """A view with its borders."""

    edges: tuple[tuple[Signal, Floats], ...]

    @classmethod
    def of(cls, view: View, signals: Signals) -> Bins:
        """Borders between bins of equal mass."""
        return cls(
            tuple((name, np.quantile(signals[name], np.linspace(0.0, 1.0, number + 1)[1:-1])) for name, number in view)
        )

    def __len__(self) -> int:
        return int(np.prod([len(edges) + 1 for _, edges in self.edges], dtype=np.int64))

    def place(self, signals: Signals, shape: tuple[int, int]) -> Ints:
        """(Q, R) the bin of each replay."""
        place = np.zeros(shape, dtype=np.int64)
        for name, edges in self.edges:
            place = place * (len(edges) + 1) + np.searchsorted(edges, signals[name], side="right")
        return place


def signals_of(replays: Trajectories, beliefs: Beliefs | None) -> Signals:
    """Everything that views look at; without beliefs, lengths alone."""
    signals: dict[Signal, Floats] = {"length": replays.tokens[:, :, 0].astype(np.float64)}
    if beliefs is not None:
        signals["text"] = np.repeat(beliefs.before(replays)[:, None, 0], replays.shape[1], axis=1)
        signals["estimate"] = beliefs.after(replays)[:, :, 0]
    return signals


def bin_populations(
    own: Trajectories, place: Ints, number: int, population: Population, strength: float
) -> list[Population]:
    """A population for each bin, drawn to that of the class."""
    if number == 1:
        return [population]
    shares = [(place == bin_).mean(axis=1) for bin_ in range(number)]
    return [
        fit_population(own.recorded, population, strength=strength, weights=share.tolist())
        if share.any()
        else population
        for share in shares
    ]


def best_view(own: Trajectories, signals: Signals, views: Sequence[View], pooled: Population, strength: float) -> View:
    """The view whose bins predict the recorded counts of held-out training questions best.

    The first one stays unless another is better by more than one standard error, over questions.
    """
    number = min(_INNER_FOLDS, len(set(own.texts)))
    if len(views) == 1 or number < 2:
        return views[0]
    fold = folds(own.texts, number, seed=1)
    halves = [_Split.of(own, signals, fold == out, pooled.pruned(_RARE), strength) for out in range(number)]
    first, *others = (np.concatenate([half.log_likelihoods(view) for half in halves]) for view in views)
    gains = [other - first for other in others]
    best = max(range(len(gains)), key=lambda at: float(gains[at].sum()))
    error = float(gains[best].std() * np.sqrt(len(first)))
    return views[best + 1] if float(gains[best].sum()) > error else views[0]


@dataclass(frozen=True, eq=False)
class _Split:
    """Questions to fit on, and others whose counts are to be predicted."""

    kept: Trajectories
    kept_signals: Signals
    out: Trajectories
    out_signals: Signals
    population: Population
    """Of the kept ones."""
    strength: float

    @classmethod
    def of(
        cls, own: Trajectories, signals: Signals, out: NDArray[np.bool_], pooled: Population, strength: float
    ) -> _Split:
        kept = own.subset(~out)
        return cls(
            kept,
            {name: values[~out] for name, values in signals.items()},
            own.subset(out),
            {name: values[out] for name, values in signals.items()},
            fit_population(kept.recorded, pooled, strength=strength),
            strength,
        )

    def log_likelihoods(self, view: View) -> Floats:
        """ln P of each other question's counts, the mean over its replays' bins."""
        bins = Bins.of(view, self.kept_signals)
        place = bins.place(self.kept_signals, self.kept.shape[:2])
        fitted = bin_populations(self.kept, place, len(bins), self.population, self.strength)
        logs = self.population.components.log_likelihood(self.out.recorded)
        top = logs.max(axis=1, keepdims=True)
        likelihood = np.exp(logs - top)
        said = np.stack([np.log(likelihood @ each.weights) for each in fitted], axis=1) + top
        seen = bins.place(self.out_signals, self.out.shape[:2])
        return np.asarray(np.take_along_axis(said, seen, axis=1).mean(axis=1))
