"""A fixed number of samples, as in self-consistency (Wang et al., arXiv 2203.11171)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class FixedSize:
    """Draw `n` samples, all at once."""

    order_matters: ClassVar[bool] = False

    n: int

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ConfigurationError(f"n is {self.n}: at least one sample is needed")

    def still_needed(self, votes: Tally) -> int:
        return max(0, self.n - votes.drawn)
