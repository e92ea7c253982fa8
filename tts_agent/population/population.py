"""A mixture over kinds of questions: the prior of every posterior and of every price."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from tts_agent.exceptions import ConfigurationError
from tts_agent.population.components import Components, Floats
from tts_agent.probability import Beta
from tts_agent.voting import Posterior, Tally, effective_size

_FIELDS = ("pass_rate", "concentration", "discount", "invalid_rate")
_NODES = 24
_FARTHEST = 200.0
"""Largest power by which a population is tilted."""
_HALVINGS = 36


@dataclass(frozen=True, eq=False)
class Population:
    """Kinds of questions and how common each is.

    Two populations are the same only if they are one object: price tables are shared by identity, so keep them.
    """

    components: Components
    weights: Floats
    """(g,), >= 0, sum 1."""

    def __post_init__(self) -> None:
        if self.weights.shape != self.components.pass_rate.shape or not bool(np.all(self.weights >= 0.0)):
            raise ConfigurationError("a population needs one weight >= 0 for each kind of question")
        total = float(self.weights.sum())
        if not 0.0 < total < float("inf"):
            raise ConfigurationError("the weights of a population must have a positive, finite sum")
        object.__setattr__(self, "weights", self.weights / total)

    @staticmethod
    @lru_cache(maxsize=4096)
    def of(belief: Beta, theta: float, invalid_rate: float = 1e-9) -> Population:
        """A Beta over pass@1 with wrong answers of one concentration, as a mixture.

        Gauss-Jacobi nodes: posteriors of up to 47 samples come out as under the Beta itself, to rounding.
        """
        if not theta > 0.0:
            raise ConfigurationError(f"theta is {theta}: the concentration of wrong answers must be above 0")
        nodes, weights = _gauss_jacobi(belief)
        same = np.ones_like(nodes)
        return Population(Components(nodes, theta * same, 0.0 * same, invalid_rate * same), weights)

    @property
    def mean(self) -> float:
        """Mean pass@1."""
        return float(self.weights @ self.components.pass_rate)

    def given(self, belief: Beta) -> Population:
        """The population of the steps about which an estimator believes ``belief``.

        Of all reweightings of this population with the mean of the belief, and a variance of pass@1 that is not
        above the belief's, the closest in relative entropy: weights are multiplied by p^s (1 - p)^t. An
        estimator that knows nothing but the class changes nothing, and what a Beta cannot say (that a class has
        two humps, how errors fall) stays as it was measured.
        """
        return _given(self, belief)

    def pruned(self, mass: float = 1e-3) -> Population:
        """Without the rarest kinds, which together hold at most ``mass``."""
        order = np.argsort(self.weights)
        keep = np.ones(len(self.weights), dtype=bool)
        keep[order[np.cumsum(self.weights[order]) <= mass]] = False
        return Population(self.components[keep], self.weights[keep])

    def posterior(
        self, tally: Tally, evidence: Mapping[Hashable, float] | None = None, correlation: float = 0.0
    ) -> Posterior:
        """P(correct) of each answer given the votes.

        Args:
            tally: the votes.
            evidence: per answer, the sum of its samples' log-likelihood ratios, ln P(signal | right) / P(signal |
                wrong): verifier scores or answer log-probabilities, calibrated. None: votes alone.
            correlation: of the samples of one question beyond their common pass@1; the votes then weigh as
                `voting.effective_size` of them.
        """
        counts = tally.counts
        sizes = np.array([*counts.values()], dtype=np.int64)
        total, logs = int(sizes.sum()), np.log(np.maximum(self.weights, 1e-300))
        worth = effective_size(tally.drawn, correlation) / max(tally.drawn, 1)
        errors = self.components.errors(max(total, 1))
        repeats = errors.repeats(sizes).sum(axis=0) if len(sizes) else np.zeros(len(logs))

        def joint(right: int) -> Floats:
            """(g,): ln P(kind and votes) if an answer with so many votes is right; 0: none that was seen."""
            rest = errors.of(len(sizes) - bool(right), total - right) + repeats - errors.repeats(right)
            return np.asarray(logs + worth * (self.components.outcomes(right, total - right, tally.invalid) + rest))

        hypotheses = {size: _log_sum(joint(size)) for size in {*sizes.tolist()}}
        told = evidence or {}
        scores = {answer: hypotheses[count] + told.get(answer, 0.0) for answer, count in counts.items()}
        unseen = _log_sum(joint(0))
        whole = _log_sum(np.array([unseen, *scores.values()]))
        correct = {answer: float(np.exp(score - whole)) for answer, score in scores.items()}
        return Posterior(correct, float(np.exp(unseen - whole)))

    def to_json(self) -> dict[str, list[float]]:
        """Lists of equal length, rounded to six significant digits."""
        arrays = {name: getattr(self.components, name) for name in _FIELDS} | {"weights": self.weights}
        return {name: [float(f"{value:.6g}") for value in array] for name, array in arrays.items()}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Population:
        """Read what `to_json` wrote.

        Raises:
            ConfigurationError: a field is missing, or its numbers make no population.
        """
        try:
            arrays = {name: np.array(raw[name], dtype=np.float64) for name in (*_FIELDS, "weights")}
        except (KeyError, TypeError, ValueError) as error:
            raise ConfigurationError(f"this is no population of questions: {error}") from None
        weights = arrays.pop("weights")
        return cls(Components(**arrays), weights)


@lru_cache(maxsize=4096)
def _given(population: Population, belief: Beta) -> Population:
    # The tilt looks at pass rates alone, of which there are few.
    p, level = np.unique(population.components.pass_rate, return_inverse=True)
    mass = np.bincount(level, weights=population.weights)
    logs = np.log(np.maximum(mass, 1e-300))
    odds, middle = np.log(p) - np.log1p(-p), np.log(p) + np.log1p(-p)
    mean = min(max(belief.mean, float(p.min()) + 1e-4), float(p.max()) - 1e-4)
    variance = belief.mean * (1.0 - belief.mean) / (belief.concentration + 1.0)

    def with_mean(pull: float) -> Floats:
        """The mass of each pass rate with this pull towards the middle, shifted to the mean of the belief."""

        def shifted(shift: float) -> Floats:
            tilted = logs + pull * middle + shift * odds
            weights = np.exp(tilted - tilted.max())
            return np.asarray(weights / weights.sum())

        return shifted(_root(lambda shift: float(shifted(shift) @ p) - mean, -_FARTHEST, _FARTHEST))

    def excess(pull: float) -> float:
        return variance - float(with_mean(pull) @ (p - mean) ** 2)

    pull = 0.0 if excess(0.0) >= 0.0 else _root(excess, 0.0, _FARTHEST)
    tilt = with_mean(pull) / np.maximum(mass, 1e-300)
    return Population(population.components, population.weights * tilt[level]).pruned()


def _root(rises: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that rises is zero, by bisection."""
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if rises(middle) < 0.0 else (low, middle)
    return (low + high) / 2.0


def _gauss_jacobi(belief: Beta) -> tuple[Floats, Floats]:
    """Nodes in (0, 1) and weights of the quadrature for a Beta, by the eigenvalues of its recurrence (Golub-Welsch)."""
    n = np.arange(_NODES, dtype=np.float64)
    a, b = belief.b - 1.0, belief.a - 1.0  # of the Jacobi weight (1 - x)^a (1 + x)^b
    total = 2.0 * n + a + b
    with np.errstate(invalid="ignore", divide="ignore"):
        diagonal = (b * b - a * a) / (total * (total + 2.0))
        squares = 4.0 * n * (n + a) * (n + b) * (n + a + b) / (total**2 * (total + 1.0) * (total - 1.0))
    diagonal[0] = (b - a) / (a + b + 2.0)
    squares[1] = 4.0 * (1.0 + a) * (1.0 + b) / ((2.0 + a + b) ** 2 * (3.0 + a + b))
    beside = np.sqrt(squares[1:])
    values, vectors = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
    nodes = np.clip((values + 1.0) / 2.0, 1e-12, 1.0 - 1e-12)
    return nodes, vectors[0] ** 2


def _log_sum(logs: Floats) -> float:
    top = float(logs.max())
    return top + float(np.log(np.exp(logs - top).sum()))
