"""What steps of one class are expected to cost and to bring at a price of tokens."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, log
from typing import Protocol

from tts_agent.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class Expected:
    """Expectations for one step at one price."""

    cost: float
    """Tokens."""
    success: float
    """P(the step's answer is right)."""


class StepCurve(Protocol):
    """One class of steps (or one predictor bin of it) under its best rule at each price.

    Cost and success must not rise with the price: a rule that maximizes success less price times cost is so.
    """

    def __call__(self, price: float) -> Expected:
        """At `price`, that of a token in units of one right answer to this step."""
        ...


@dataclass(frozen=True, slots=True)
class TabulatedCurve:
    """A curve measured or computed at some prices; in between, linear in the logarithm of the price.

    Beyond both ends it is flat: below the lowest price nothing more is bought, above the highest the least.
    """

    prices: tuple[float, ...]
    """Rising and above 0."""
    costs: tuple[float, ...]
    """Tokens, not rising."""
    successes: tuple[float, ...]
    """P(right), not rising."""

    def __post_init__(self) -> None:
        if not len(self.prices) == len(self.costs) == len(self.successes) >= 1:
            raise ConfigurationError("a curve needs as many costs and successes as prices, and at least one of each")
        if not (self.prices[0] > 0.0 and _rising(self.prices) and self.prices[-1] < inf):
            raise ConfigurationError("prices of a curve must be finite, above 0 and rising")
        if not (_falling(self.costs) and self.costs[-1] >= 0.0 and self.costs[0] < inf):
            raise ConfigurationError("costs of a curve must be finite, >= 0 and must not rise with the price")
        if not (_falling(self.successes) and self.successes[-1] >= 0.0 and self.successes[0] <= 1.0):
            raise ConfigurationError("successes of a curve must be between 0 and 1 and must not rise with the price")

    @classmethod
    def measured(cls, points: Iterable[tuple[float, float, float]]) -> TabulatedCurve:
        """From measured (price, cost, success) in any order: noise that rises with the price is pooled away."""
        rows = sorted(points)
        prices = tuple(row[0] for row in rows)
        return cls(prices, _pooled([row[1] for row in rows]), _pooled([row[2] for row in rows]))

    def __call__(self, price: float) -> Expected:
        right = bisect_right(self.prices, price)
        if right == 0 or right == len(self.prices):
            end = -1 if right else 0
            return Expected(self.costs[end], self.successes[end])
        low, high = self.prices[right - 1], self.prices[right]
        share = log(price / low) / log(high / low)

        def between(values: Sequence[float]) -> float:
            return values[right - 1] + share * (values[right] - values[right - 1])

        return Expected(between(self.costs), between(self.successes))


def _rising(values: Sequence[float]) -> bool:
    return all(first < second for first, second in itertools.pairwise(values))


def _falling(values: Sequence[float]) -> bool:
    return all(first >= second for first, second in itertools.pairwise(values))


def _pooled(values: Sequence[float]) -> tuple[float, ...]:
    """The closest falling sequence in squared error (pool adjacent violators)."""
    blocks: list[tuple[float, int]] = []
    for value in values:
        blocks.append((value, 1))
        while len(blocks) > 1 and blocks[-2][0] < blocks[-1][0]:
            (last, m), (first, n) = blocks.pop(), blocks.pop()
            blocks.append(((first * n + last * m) / (n + m), n + m))
    return tuple(mean for mean, size in blocks for _ in range(size))
