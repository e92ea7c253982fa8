"""The Beta distribution, as far as decisions need it, on the standard library alone."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log, log2

from tts_agent.exceptions import ConfigurationError


def log_beta(a: float, b: float) -> float:
    """ln B(a, b)."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Regularized incomplete beta function I_x(a, b), by its continued fraction (Lentz).

    Source: DLMF 8.17.22; absolute error below 1e-12 for a, b up to some hundred, 1e-10 up to a few thousand.
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):  # the fraction converges fast on the other side only
        return 1.0 - _lower_tail(1.0 - x, b, a)
    return _lower_tail(x, a, b)


def _lower_tail(x: float, a: float, b: float) -> float:
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, 1000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0)),
        ):
            d = 1.0 / (1.0 + term * d or tiny)
            c = 1.0 + term / c or tiny
            fraction *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return exp(a * log(x) + b * log(1.0 - x) - log_beta(a, b)) / a * fraction


@dataclass(frozen=True, slots=True)
class Beta:
    """Beta(a, b): what is believed about a probability, usually pass@1 of a step."""

    a: float
    b: float

    def __post_init__(self) -> None:
        if not (0.0 < self.a < float("inf") and 0.0 < self.b < float("inf")):
            raise ConfigurationError(f"Beta({self.a}, {self.b}) is no distribution: both must be positive")

    @classmethod
    def of(cls, mean: float, concentration: float) -> Beta:
        """The Beta with this mean (0..1, exclusive) and concentration a + b > 0."""
        return cls(mean * concentration, (1.0 - mean) * concentration)

    def rounded(self) -> Beta:
        """On a coarse grid, so that plans can be shared: the mean to 1/6 logit, the concentration to an octave."""
        logit = min(max(round(6.0 * log(self.a / self.b)) / 6.0, -5.0), 5.0)
        return Beta.of(1.0 / (1.0 + exp(-logit)), 2.0 ** min(max(round(log2(self.concentration)), -2), 6))

    @property
    def mean(self) -> float:
        """a / (a + b)."""
        return self.a / (self.a + self.b)

    @property
    def concentration(self) -> float:
        """a + b, the number of observations the belief is worth."""
        return self.a + self.b

    def quantile(self, q: float) -> float:
        """The x with P(p <= x) = q, by bisection, to 1e-9."""
        low, high = 0.0, 1.0
        while high - low > 1e-9:
            middle = (low + high) / 2.0
            if beta_cdf(middle, self.a, self.b) < q:
                low = middle
            else:
                high = middle
        return (low + high) / 2.0

    def interval(self, mass: float = 0.9) -> tuple[float, float]:
        """The central interval that holds `mass` of the belief."""
        tail = (1.0 - mass) / 2.0
        return self.quantile(tail), self.quantile(1.0 - tail)
