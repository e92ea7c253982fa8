"""Early-stopping self-consistency, ESC (Li et al., arXiv 2401.10480): stop at a unanimous window."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class Window:
    """Draw `size` samples at a time; stop when all of a window agree, or at `max_samples`.

    The paper's algorithm 1: windows do not overlap, and the vote is over all samples drawn, not over the last
    window alone. A sample that could not vote agrees with nobody.
    """

    order_matters: ClassVar[bool] = True

    size: int = 5
    max_samples: int = 40

    def __post_init__(self) -> None:
        if self.size < 1 or self.max_samples < self.size:
            raise ConfigurationError(f"a window needs 1 <= size <= max_samples: {self}")

    def still_needed(self, votes: Tally) -> int:
        windows = range(0, votes.drawn - self.size + 1, self.size)
        if any(_unanimous(votes.votes[start : start + self.size]) for start in windows):
            return 0
        left = self.max_samples - votes.drawn
        return max(0, min(self.size - votes.drawn % self.size, left))


def _unanimous(window: tuple[Hashable | None, ...]) -> bool:
    return window[0] is not None and len(set(window)) == 1
