"""Distributions of a continuous score, as far as Pandora's rule needs them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from math import erfc, exp, inf, isfinite, lgamma, log, pi, sqrt
from typing import Protocol

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import beta_cdf


class Scores(Protocol):
    """A distribution R of scores with a finite mean."""

    @property
    def mean(self) -> float:
        """E[R]."""
        ...

    def excess(self, best: float) -> float:
        """E[(R - best)+], the expected improvement of one draw on `best`."""
        ...


@dataclass(frozen=True, slots=True)
class NormalScores:
    """A normal distribution that is known."""

    mean: float
    deviation: float
    """Standard deviation, above 0."""

    def __post_init__(self) -> None:
        if not (isfinite(self.mean) and 0.0 < self.deviation < inf):
            raise ConfigurationError(f"a normal needs a finite mean and a deviation above 0: {self}")

    def excess(self, best: float) -> float:
        z = (best - self.mean) / self.deviation
        density = exp(-z * z / 2.0) / sqrt(2.0 * pi)
        return max(0.0, self.deviation * (density - z * erfc(z / sqrt(2.0)) / 2.0))


@dataclass(frozen=True)
class RecordedScores:
    """The empirical distribution of scores recorded for a class of steps."""

    scores: tuple[float, ...]
    """In rising order, at least one."""

    def __post_init__(self) -> None:
        if not self.scores or not all(map(isfinite, self.scores)):
            raise ConfigurationError("recorded scores must be finite, and at least one is needed")
        if any(first > second for first, second in zip(self.scores, self.scores[1:], strict=False)):
            raise ConfigurationError("recorded scores must be in rising order")

    @classmethod
    def of(cls, scores: Sequence[float]) -> RecordedScores:
        """From scores in any order."""
        return cls(tuple(sorted(scores)))

    @property
    def mean(self) -> float:
        return self._upper[0] / len(self.scores)

    @cached_property
    def _upper(self) -> tuple[float, ...]:
        """Sum of the scores from each index on."""
        return (*tuple(accumulate(reversed(self.scores)))[::-1], 0.0)

    def excess(self, best: float) -> float:
        above = bisect_right(self.scores, best)
        return max(0.0, self._upper[above] - best * (len(self.scores) - above)) / len(self.scores)


@dataclass(frozen=True, slots=True)
class NormalBelief:
    """Normal scores of unknown mean and variance: the conjugate normal-inverse-gamma belief.

    The predictive distribution is Student's t with 2 `shape` degrees of freedom. Source: Murphy, "Conjugate
    Bayesian analysis of the Gaussian distribution" (2007), section 6.
    """

    mean: float
    weight: float = 1.0
    """Scores that the mean is worth (kappa, above 0)."""
    shape: float = 1.5
    """Half the scores that the variance is worth (alpha, above 1/2 for a finite mean)."""
    scale: float = 0.05
    """Half the sum of squares behind the variance (beta, above 0): variance is about scale / shape."""

    def __post_init__(self) -> None:
        if not (isfinite(self.mean) and 0.0 < self.weight < inf and 0.5 < self.shape < inf and 0.0 < self.scale < inf):
            raise ConfigurationError(f"a belief needs a finite mean, weight and scale above 0, shape above 1/2: {self}")

    @classmethod
    def fit(cls, groups: Sequence[Sequence[float]], *, weight: float = 1.0, shape: float = 2.0) -> NormalBelief:
        """From the recorded scores of several steps: mean of their means, and their typical variance within.

        `weight` and `shape` stay settings: how much steps of one class differ from each other.
        """
        means = [sum(group) / len(group) for group in groups if group]
        if not means:
            raise ConfigurationError("a belief about scores is fitted to at least one score")
        squares = [
            sum((score - sum(group) / len(group)) ** 2 for score in group) / (len(group) - 1)
            for group in groups
            if len(group) > 1
        ]
        variance = max(sum(squares) / len(squares) if squares else 0.05, 1e-6)
        return cls(sum(means) / len(means), weight, shape, variance * shape)

    def after(self, seen: Sequence[float]) -> NormalBelief:
        """The belief once these scores were seen; their order does not matter."""
        n = len(seen)
        if not n:
            return self
        average = sum(seen) / n
        within = sum((score - average) ** 2 for score in seen)
        weight = self.weight + n
        between = self.weight * n * (average - self.mean) ** 2 / weight
        mean = (self.weight * self.mean + n * average) / weight
        return NormalBelief(mean, weight, self.shape + n / 2.0, self.scale + (within + between) / 2.0)

    def excess(self, best: float) -> float:
        freedom = 2.0 * self.shape
        spread = sqrt(self.scale * (self.weight + 1.0) / (self.shape * self.weight))
        z = (best - self.mean) / spread
        log_density = (
            lgamma((freedom + 1.0) / 2.0)
            - lgamma(freedom / 2.0)
            - log(freedom * pi) / 2.0
            - (freedom + 1.0) / 2.0 * log(1.0 + z * z / freedom)
        )
        tail = beta_cdf(freedom / (freedom + z * z), freedom / 2.0, 0.5) / 2.0  # P(T > |z|)
        above = tail if z >= 0.0 else 1.0 - tail
        return max(0.0, spread * ((freedom + z * z) / (freedom - 1.0) * exp(log_density) - z * above))
