"""Pacing without a model: raise the price after a step above its share of the budget, lower it after one below.

The fallback where nothing is known about what steps cost. Source: dual mirror descent for online allocation
(Balseiro, Lu and Mirrokni, arXiv 2011.10124): with the entropy as mirror the update multiplies, with the
square it adds. Its regret vanishes with the number of steps; over a handful it only steers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import exp, inf
from typing import Literal

from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.horizon import Horizon, LearnedHorizon


@dataclass(frozen=True, slots=True)
class DualPrice:
    """A price and how it moves. A value: `after` gives the next one."""

    budget: float
    """Tokens of the whole task."""
    price: float = 2e-5
    """Price of a token at the first step, in units of one right answer."""
    rate: float = 0.5
    """Size of an update after a step that cost twice its share: in logarithms, or (additive) in units of `unit`."""
    update: Literal["multiply", "add"] = "multiply"
    unit: float = 2e-5
    """Price of a token that additive updates are measured in."""
    horizon: Horizon = field(default_factory=LearnedHorizon)
    reserve: float = 0.125
    floor: float = 1e-9
    ceiling: float = 1.0
    spent: float = 0.0
    done: int = 0

    def __post_init__(self) -> None:
        if not (self.budget >= 0.0 and 0.0 <= self.spent < inf and self.done >= 0 and 0.0 <= self.reserve < 1.0):
            raise ConfigurationError("budget, spent and done must be >= 0 and reserve in [0, 1)")
        if not (0.0 < self.rate < inf and 0.0 < self.unit < inf):
            raise ConfigurationError(f"rate and unit must be above 0 and finite: {self.rate} and {self.unit}")
        if not 0.0 < self.floor <= self.price <= self.ceiling < inf:
            raise ConfigurationError(
                f"prices must satisfy 0 < floor <= price <= ceiling: {self.floor}, {self.price} and {self.ceiling}"
            )

    @property
    def share(self) -> float:
        """Tokens that the step which begins now may cost for the task to come out even."""
        left = max(0.0, self.budget - self.spent)
        return (1.0 - self.reserve) * left / self.horizon.ahead(self.done)

    def after(self, tokens: float) -> DualPrice:
        """Once the step has cost `tokens`."""
        share = self.share
        over = inf if share <= 0.0 else (0.0 if share == inf else tokens / share) - 1.0
        over = min(over, 3.0)  # one runaway step must not close the task
        if self.update == "multiply":
            price = self.price * exp(self.rate * over)
        else:
            price = self.price + self.rate * self.unit * over
        price = min(max(price, self.floor), self.ceiling)
        return replace(self, price=price, spent=self.spent + tokens, done=self.done + 1)
