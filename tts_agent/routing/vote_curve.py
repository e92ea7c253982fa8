"""What steps cost and bring at a price when votes stop by it: the curve of a class, computed and not measured.

By the envelope theorem the slope of a price table's value in the price is the number of samples that the best plan
expects to draw. So values at a grid of prices say both what is drawn and what is won, without another induction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from math import sqrt
from typing import TYPE_CHECKING

from tts_agent.routing.curves import Expected, TabulatedCurve
from tts_agent.stopping import PriceRule, Prices
from tts_agent.voting import Tally

if TYPE_CHECKING:  # needs numpy
    from tts_agent.population import Population

_GRID = tuple(2.0**power for power in range(-14, 1))
"""Prices of one call, in units of one right step: from where votes go on to the end to where none is worth it."""

_AS_EXPECTED = 2.0
"""Calls beyond the first that count for the curve before any was made."""


@dataclass(frozen=True, slots=True)
class VoteCurve:
    """Steps of a class that are answered by one call, and by votes as long as they are worth their price."""

    population: Population
    """The questions of the class."""
    call_tokens: float
    """Tokens of one call, above 0."""
    max_samples: int = 8
    excess: float = 1.0
    """Calls beyond the first that steps of the class were seen to take, for each that was expected: above 1 where
    answers agree less than the population says, or something else than votes is drawn."""

    def __call__(self, price: float) -> Expected:
        expected = _in_calls(self.population, self.max_samples)(price * self.call_tokens)
        calls = min(1.0 + self.excess * (expected.cost - 1.0), float(self.max_samples))
        return Expected(calls * self.call_tokens, expected.success)

    def corrected(self, calls: int, price: float, steps: int) -> VoteCurve:
        """As so many `steps`, decided at this price on average, took so many `calls`; a few of those that were expected
        are taken to have come as expected."""
        expected = steps * (replace(self, excess=1.0)(price).cost / self.call_tokens - 1.0)
        return replace(self, excess=(_AS_EXPECTED + max(0, calls - steps)) / (_AS_EXPECTED + expected))


@lru_cache(maxsize=256)
def _in_calls(population: Population, max_samples: int) -> TabulatedCurve:
    """The curve of a call that takes one token: costs are calls, the first included."""
    vote = Tally(("",))
    worth = [(price, PriceRule(population, Prices(price), max_samples).value(vote)) for price in _GRID]
    points = []
    for (low, dear), (high, cheap) in pairwise(worth):
        more = min(max(0.0, (dear - cheap) / (high - low)), max_samples - 1.0)
        middle = sqrt(low * high)
        points.append((middle, 1.0 + more, min(1.0, (dear + cheap) / 2.0 + (low + high) / 2.0 * more)))
    return TabulatedCurve.measured(points)
