"""Doubling with a supermajority: look after 2, 4, 8, ... samples, stop when enough of them agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class Supermajority:
    """Doubles the number of samples until one answer holds `share` of all of them, or to `max_samples`.

    No single source: the doubling trick keeps the rounds logarithmic in the samples, and a share is what people
    write by hand. Samples that could not vote count against the leader. It knows no confidence: 2 of 2 is as
    good as 20 of 20.
    """

    order_matters: ClassVar[bool] = False

    share: float = 0.75
    first: int = 2
    """Samples of the first round."""
    max_samples: int = 32

    def __post_init__(self) -> None:
        if not 0.5 <= self.share <= 1.0 or not 1 <= self.first <= self.max_samples:
            raise ConfigurationError(f"share must be between .5 and 1, and 1 <= first <= max_samples: {self}")

    def still_needed(self, votes: Tally) -> int:
        if votes.drawn >= self.first and votes.top()[0] >= self.share * votes.drawn:
            return 0
        look = self.first
        while look <= votes.drawn:
            look *= 2
        return max(0, min(look, self.max_samples) - votes.drawn)
