"""Drawing for an exact verifier: how long another try is worth its price."""

from __future__ import annotations

from dataclasses import dataclass

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class UntilAccepted:
    """After k rejected tries continue while P(the next one passes) = a / (a + b + k) is above its price.

    The strategy stops by itself when a sample is accepted, so every sample of the tally was rejected. Tries
    are batched: as many as are each worth their price if all before them fail, at most `batch`.
    """

    prior: Beta
    """Belief about pass@1 before the first try."""
    cost: float
    """Price of one try, in units of one correct answer (price per token x tokens per try)."""
    max_samples: int = 16
    batch: int = 1

    def __post_init__(self) -> None:
        if self.cost < 0.0 or self.max_samples < 1 or self.batch < 1:
            raise ConfigurationError(f"cost must be >= 0, max_samples and batch at least 1: {self}")

    def still_needed(self, votes: Tally) -> int:
        worth = 0
        while worth < min(self.batch, self.max_samples - votes.drawn):
            if self.prior.a / (self.prior.concentration + votes.drawn + worth) <= self.cost:
                break
            worth += 1
        return worth

    def value(self) -> float:
        """Expected probability of an accepted sample less the expected price of all tries, one at a time."""
        value, reached = 0.0, 1.0
        for failures in range(self.max_samples):
            passes = self.prior.a / (self.prior.concentration + failures)
            if passes <= self.cost:
                break
            value += reached * (passes - self.cost)
            reached *= 1.0 - passes
        return value
