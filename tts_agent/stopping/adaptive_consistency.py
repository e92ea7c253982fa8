"""Adaptive-Consistency (Aggarwal et al., arXiv 2305.11860): stop when the leader will surely stay ahead."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import beta_cdf
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class AdaptiveConsistency:
    """The paper's Beta criterion on leader and runner-up: stop at P(leader > runner-up) >= `threshold`.

    Asks for the fewest votes that could settle it if all of them went to the leader. The paper draws one at a
    time and stops at the same counts; batches change the serial rounds, and at most a few votes.
    """

    order_matters: ClassVar[bool] = False

    threshold: float = 0.95
    max_samples: int = 40

    def __post_init__(self) -> None:
        if not 0.5 < self.threshold < 1.0 or self.max_samples < 1:
            raise ConfigurationError(f"threshold must be between .5 and 1, max_samples at least 1: {self}")

    def still_needed(self, votes: Tally) -> int:
        leader, second = votes.top()
        left = self.max_samples - votes.drawn
        for more in range(left):
            if self.confidence(leader + more, second) >= self.threshold:
                return more
        return max(0, left)

    @staticmethod
    def confidence(leader: int, second: int) -> float:
        """P(the leader's share is above one half of the two's), Beta(leader + 1, second + 1)."""
        return 1.0 - beta_cdf(0.5, leader + 1, second + 1)
