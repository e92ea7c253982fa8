"""Adaptive-Consistency with the Dirichlet criterion (Aggarwal et al., arXiv 2305.11860, section 3)."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from math import exp, lgamma, log
from typing import ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.voting import Tally

POINTS = 192
"""Of the quadrature."""


@dataclass(frozen=True, slots=True)
class DirichletConsistency:
    """Stop at P(the leader's share is the largest) >= `threshold` under Dirichlet(1 + counts) of all answers seen.

    The Beta criterion looks at the runner-up alone; this one at every rival, so it never stops earlier. With
    fewer than three answers the two are the same, as in the authors' code: while all agree, an answer not seen
    yet stands in as the runner-up. The authors integrate by Monte Carlo over the five most frequent answers;
    here the integral is exact (see `share_is_largest`). Asks for the fewest votes that could settle it if all
    of them went to the leader, which stops at the same counts as one at a time.
    """

    order_matters: ClassVar[bool] = False

    threshold: float = 0.95
    max_samples: int = 40

    def __post_init__(self) -> None:
        if not 0.5 < self.threshold < 1.0 or self.max_samples < 1:
            raise ConfigurationError(f"threshold must be between .5 and 1, max_samples at least 1: {self}")

    def still_needed(self, votes: Tally) -> int:
        leader, *rivals = [*votes.counts.values(), 0, 0][: max(2, len(votes.counts))]
        left = max(0, self.max_samples - votes.drawn)
        # Votes for the leader only ever raise the confidence, so the fewest that settle it are found by bisection.
        return bisect_left(
            range(left), True, key=lambda more: share_is_largest((leader + more, *rivals)) >= self.threshold
        )


@lru_cache(maxsize=1 << 16)
def share_is_largest(counts: tuple[int, ...]) -> float:
    """P(share of the first answer is above that of every other), shares ~ Dirichlet(1 + counts).

    Shares are independent Gamma(1 + count) variables over their sum, so this is the one-dimensional integral
    of the first one's density times the others' distribution functions. The trapezoidal rule in the logarithm
    of the variable converges exponentially on it: error below 1e-9, counts up to 1000.

    Args:
        counts: votes per answer, >= 0; the first answer's first.
    """
    shape, rivals = counts[0] + 1, Counter(counts[1:])
    low, high = log(shape) - 1.0 - 36.0 / shape, log(shape) + log(2.0 + 72.0 / shape)
    step = (high - low) / (POINTS - 1)
    total = 0.0
    for point in range(POINTS):
        t = low + step * point
        x = exp(t)
        term, below, at_most = exp(shape * t - x - lgamma(shape)), 0, 0.0
        for rival in sorted(rivals):  # P(Gamma(1 + rival) <= x) = 1 - P(Poisson(x) <= rival)
            at_most += sum(exp(k * t - x - lgamma(k + 1)) for k in range(below, rival + 1))
            below = rival + 1
            term *= max(0.0, 1.0 - at_most) ** rivals[rival]
        total += term
    return min(1.0, total * step)
