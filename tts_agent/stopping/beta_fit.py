"""Fitting a Beta by maximum likelihood, on the standard library alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from math import exp, inf, log

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta, log_beta

SIZES = (7, 5, 5, 5, 5)
"""Points to a side of each grid; every grid reaches as far as the spacing of the one before."""


def likeliest(log_likelihood: Callable[[Beta], float], near: Beta | None = None) -> tuple[float, Beta]:
    """(log-likelihood, Beta) of the best Beta: a grid over mean (logit) and concentration (log) that narrows.

    Means from .001 to .999, concentrations from .05 to 8,000, to about 10 % of the odds and of the concentration.
    `near`, the best Beta of a similar likelihood, spares the widest grid.
    """
    x, y, wide, high, best = 0.0, 3.0, 6.0, 6.0, -inf
    if near is not None:
        x, y, wide, high = log(near.mean / (1.0 - near.mean)), log(near.concentration), 2.0, 2.0
    for size in SIZES if near is None else SIZES[1:-1]:
        steps = [2.0 * i / (size - 1) - 1.0 for i in range(size)]
        points = [(x + u * wide, y + v * high) for u in steps for v in steps]
        best, x, y = max((log_likelihood(_beta(*point)), *point) for point in points)
        wide, high = 2.0 * wide / (size - 1), 2.0 * high / (size - 1)
    return best, _beta(x, y)


def fit_passes(passes: Iterable[tuple[int, int]]) -> Beta:
    """The likeliest Beta over pass@1 of steps of which (passed, of) samples passed, with Jeffreys' prior of its mean.

    Source: the beta-binomial likelihood. Without any sample it is a guess of one half.
    """
    counts = Counter(passes)
    if any(not 0 <= passed <= of for passed, of in counts):
        raise ConfigurationError("passes must satisfy 0 <= passed <= of")

    def score(belief: Beta) -> float:
        own = sum(
            times * (log_beta(belief.a + passed, belief.b + of - passed) - log_beta(belief.a, belief.b))
            for (passed, of), times in counts.items()
        )
        return own + jeffreys(belief)

    return likeliest(score)[1]


def jeffreys(belief: Beta) -> float:
    """ln of Jeffreys' prior of a Beta's mean, as a density over its logit."""
    return (log(belief.mean) + log(1.0 - belief.mean)) / 2.0


def _beta(logit: float, log_concentration: float) -> Beta:
    return Beta.of(1.0 / (1.0 + exp(-logit)), exp(log_concentration))
