"""PPR-1v1: certify the mode at a given probability of a mistake (Jain et al., arXiv 2109.05047, AISTATS 2022)."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from math import lgamma, log
from typing import ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class ModeCertification:
    """Stop when the leader beats every rival one against one, with P(it is not the mode) <= `mistake`.

    For leader and rival alone, with votes s and r, the prior-posterior ratio of a uniform prior at share 1/2 is
    1 / Beta(1/2; s + 1, r + 1), a martingale when the two are equally likely. The confidence sequence excludes
    1/2 once the ratio reaches (K - 1) / `mistake`, K answers being possible. The runner-up decides, because
    the density at 1/2 rises with the rival's votes. Asks for the fewest votes that could settle it.

    The promise holds for independent samples with a single mode, for the right K, and unless `max_samples` came
    first; it is about the mode, not about the truth. Samples that could not vote are left out.
    """

    order_matters: ClassVar[bool] = False

    mistake: float = 0.05
    """delta of the paper, shared by all rivals."""
    max_samples: int = 40
    answers: int | None = None
    """K, the number of possible answers. None: those seen, at least 2; then the paper's proof does not cover it."""

    def __post_init__(self) -> None:
        if not 0.0 < self.mistake < 1.0 or self.max_samples < 1 or (self.answers is not None and self.answers < 2):
            raise ConfigurationError(
                f"mistake must be between 0 and 1, max_samples at least 1, answers at least 2: {self}"
            )

    def still_needed(self, votes: Tally) -> int:
        leader, second = votes.top()
        possible = max(self.answers or 2, len(votes.counts))
        level = log(self.mistake / (possible - 1))
        left = max(0, self.max_samples - votes.drawn)
        return bisect_left(range(left), True, key=lambda more: log_density_at_half(leader + more, second) <= level)


def log_density_at_half(leader: int, second: int) -> float:
    """ln of the density of Beta(leader + 1, second + 1) at 1/2; falls with every vote of the leader."""
    n = leader + second
    return lgamma(n + 2) - lgamma(leader + 1) - lgamma(second + 1) - n * log(2.0)


def fewest_to_certify(first: float, second: float, mistake: float) -> float:
    """Lower bound on the expected samples of any rule that certifies the mode at this probability of a mistake.

    ln(1/d) / [p1 ln(2 p1 / (p1 + p2)) + p2 ln(2 p2 / (p1 + p2))] for the two largest probabilities p1 > p2,
    which PPR-1v1 attains as d goes to 0 (section 2 of the paper; an earlier bound is Shah et al., AAAI 2020).
    """
    if not (0.0 <= second < first <= 1.0 and first + second <= 1.0 + 1e-12 and 0.0 < mistake < 1.0):
        raise ConfigurationError(
            f"probabilities must satisfy 0 <= second < first, first + second <= 1 and 0 < mistake < 1, "
            f"got {first}, {second} and {mistake}"
        )
    middle = (first + second) / 2.0
    information = sum(p * log(p / middle) for p in (first, second) if p > 0.0)
    return log(1.0 / mistake) / information
