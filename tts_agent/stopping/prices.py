"""What drawing samples costs, in the currency of every decision: one correct answer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import log2

from tts_agent.exceptions import ConfigurationError

_LONGEST = {1: 0.0, 2: 0.564, 4: 1.029, 8: 1.424}
"""Expected largest of m standard normal numbers."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Prices of a vote's samples, in units of one correct answer."""

    sample: float
    """One sample: its output, and its input where every sample pays for the prompt."""
    call: float = 0.0
    """One batch, whatever its size: the prompt where a provider bills it once for n samples, and waiting."""
    spread: float = 0.0
    """Standard deviation of a sample's length, as the price of waiting for it: a batch waits for its longest."""
    escape: float = 0.0
    """Value of giving the step to something else (a bigger model, a person), net of its price. 0: nothing else."""

    def __post_init__(self) -> None:
        if not all(0.0 <= price < float("inf") for price in (self.sample, self.call, self.spread, self.escape)):
            raise ConfigurationError(f"prices must be finite and not negative, got {self}")

    def of(self, batch: int) -> float:
        """Price of a batch of 1, 2, 4 or 8 samples drawn together."""
        return batch * self.sample + self.call + self.spread * _LONGEST[batch]

    def rounded(self) -> Prices:
        """On a geometric grid of quarter octaves, and a value of escape in fortieths: steps of a run share tables."""
        return _all_rounded(self)


@lru_cache(maxsize=1024)
def _all_rounded(prices: Prices) -> Prices:
    escape = round(prices.escape * 40) / 40
    return Prices(_rounded(prices.sample), _rounded(prices.call), _rounded(prices.spread), escape)


def _rounded(price: float) -> float:
    return 2.0 ** (round(log2(price) * 4) / 4) if price > 0.0 else 0.0
