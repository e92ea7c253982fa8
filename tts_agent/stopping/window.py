"""Early-stopping self-consistency, ESC (Li et al., arXiv 2401.10480): stop at a unanimous window."""

from __future__ import annotations

from dataclasses import dataclass

from tts_agent.exceptions import ConfigurationError
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class Window:
    """Draw `size` samples at a time; stop when all of a window agree, or at `max_samples`."""

    size: int = 5
    max_samples: int = 40

    def __post_init__(self) -> None:
        if self.size < 1 or self.max_samples < self.size:
            raise ConfigurationError(f"a window needs 1 <= size <= max_samples: {self}")

    def still_needed(self, votes: Tally) -> int:
        begun = votes.drawn % self.size
        left = self.max_samples - votes.drawn
        if begun:
            return max(0, min(self.size - begun, left))
        window = votes.votes[-self.size :]
        if window and window[0] is not None and len(set(window)) == 1:
            return 0
        return max(0, min(self.size, left))
