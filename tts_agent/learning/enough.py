"""How many samples of a question are enough to know its pass@1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta

MASS = 0.9
"""Of the interval whose width is looked at."""


@dataclass(frozen=True, slots=True)
class Enough:
    """Between `low` and `high` samples a question, until the 90 % interval of its pass@1 is at most `width` wide.

    The interval is that of Jeffreys' prior, Beta(1/2, 1/2), and not of a prior fitted to the class: so how many samples
    a question gets depends on its own samples alone, and comes out the same in whatever order calls return, however
    often labelling was interrupted, and on however many machines. A fitted prior would save a few samples and lose
    that. It belongs to training, which shrinks the counts anyway.

    The share that passed is not unbiased when the samples themselves say when to stop: questions whose first samples
    agree stop early, so shares are drawn to 0 and 1 (at the defaults by up to .04, near a pass@1 of .2 and of .8). The
    likelihood of pass@1 given the counts is p^k (1 - p)^(n - k) under any rule that stops by what it saw (Berger and
    Wolpert, The Likelihood Principle, 1988), so the beta-binomial fits of training need no correction; means of raw
    shares do.

    Raises:
        ConfigurationError: not 1 <= low <= high, or the width is not between 0 and 1.
    """

    low: int = 8
    high: int = 64
    width: float = 0.25

    def __post_init__(self) -> None:
        if not 1 <= self.low <= self.high:
            raise ConfigurationError(f"{self.low}..{self.high} samples a question: 1 <= low <= high is needed")
        if not 0.0 < self.width <= 1.0:
            raise ConfigurationError(f"a width of {self.width} cannot be reached: give one above 0, at most 1")

    def target(self, passed: Sequence[bool]) -> int:
        """How many samples the question shall have, as far as the samples that it has can say, in their order."""
        target = self.low
        while target <= len(passed):
            further = self._further(sum(passed[:target]), target)
            if not further:
                break
            target += further
        return target

    def _further(self, passed: int, of: int) -> int:
        """About as many more as make the interval narrow enough, at most up to `high`; 0 when it is."""
        missing = _missing(passed, of, self.width)
        return min(self.high - of, missing)


@lru_cache(maxsize=4096)
def _missing(passed: int, of: int, width: float) -> int:
    belief = Beta(passed + 0.5, of - passed + 0.5)
    low, high = belief.interval(MASS)
    if high - low <= width:
        return 0
    # The width shrinks with the square root of the concentration.
    return max(1, ceil(belief.concentration * (((high - low) / width) ** 2 - 1.0) / 2.0))
