"""What n samples are expected to bring: the chance that a vote is right, or that any of them is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import exp, lgamma, log, log1p, prod

from tts_agent.probability import Beta, log_beta


def expected_vote(belief: Beta | float, n: int, theta: float) -> float:
    """P(a majority vote of `n` >= 1 samples is right).

    Args:
        belief: about pass@1, or pass@1 itself (0..1).
        theta: concentration of the wrong answers, which follow a Chinese restaurant process: large when they
            scatter (the right one needs few votes), small when they agree (it needs half of them).
    """
    return sum(chance * p_plurality(k, n - k, theta) for k, chance in enumerate(_right_of(belief, n)) if k)


def expected_any(belief: Beta | float, n: int) -> float:
    """P(at least one of `n` >= 1 samples is right), which is what a perfect verifier makes of them."""
    return 1.0 - _right_of(belief, n)[0]


@lru_cache(maxsize=1 << 16)
def p_plurality(right: int, wrong: int, theta: float) -> float:
    """P(the right answer wins the vote), given how many samples are right and wrong, exactly.

    A tie goes to the answer drawn first, which each of the tied answers is with the same probability. Partitions
    of the wrong votes have Ewens weights prod_i (theta / i)^(m_i) / m_i! (m_i clusters of size i; Ewens 1972),
    so those with all clusters below `right` but t of that size are counted by one recursion.
    """
    if right == 0:
        return 0.0
    smaller = _weights(right - 1, wrong, theta)
    every = prod((theta + i) / (i + 1.0) for i in range(wrong))
    won = 0.0
    for tied in range(wrong // right + 1):
        ways = exp(tied * log(theta / right) - lgamma(tied + 1))
        won += ways * smaller[wrong - tied * right] / (1.0 + tied)
    return min(1.0, won / every)


def best_size(values: Sequence[float], cost: float) -> tuple[int, float]:
    """The number of samples with the highest value net of its price, and that net value.

    Args:
        values: chance of being right after 1, 2, ... samples.
        cost: price of one sample, in units of one correct answer.
    """
    net = [value - cost * n for n, value in enumerate(values, 1)]
    best = max(range(len(net)), key=net.__getitem__)
    return best + 1, net[best]


@lru_cache(maxsize=1024)
def _weights(largest: int, n: int, theta: float) -> tuple[float, ...]:
    """Ewens weight of all partitions of 0..n into clusters of at most `largest`: x^m of exp(theta sum x^i / i)."""
    weights = [1.0]
    for m in range(1, n + 1):
        weights.append(theta / m * sum(weights[m - i] for i in range(1, min(largest, m) + 1)))
    return tuple(weights)


def _right_of(belief: Beta | float, n: int) -> list[float]:
    """P(k of n samples are right) for k = 0..n: beta-binomial, or binomial at a known rate."""

    def log_chance(k: int) -> float:
        ways = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
        if isinstance(belief, Beta):
            return ways + log_beta(belief.a + k, belief.b + n - k) - log_beta(belief.a, belief.b)
        return ways + k * log(belief) + (n - k) * log1p(-belief)

    if not isinstance(belief, Beta) and belief in (0.0, 1.0):
        return [float(k == n * belief) for k in range(n + 1)]
    return [exp(log_chance(k)) for k in range(n + 1)]
