"""Extending pre-sampling window, the stopping part of DSC (Wang et al., arXiv 2408.13457, section 3.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.adaptive_consistency import AdaptiveConsistency
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class ExtendingWindow:
    """Draw `presample` at once, then `extension` at a time until Adaptive-Consistency's Beta criterion holds.

    In DSC the pre-sample is as large as what questions of similar difficulty needed, so that most are answered
    in one round, prompt sent once (`routing.DifficultyRanking` chooses it). Simplified: the extension is the
    same in every round. The criterion is looked at between rounds only, so it draws more than one at a time.
    """

    order_matters: ClassVar[bool] = False

    presample: int = 4
    extension: int = 4
    threshold: float = 0.95
    max_samples: int = 40

    def __post_init__(self) -> None:
        if not 0.5 < self.threshold < 1.0 or not 1 <= self.presample <= self.max_samples or self.extension < 1:
            raise ConfigurationError(
                f"threshold must be between .5 and 1, extension at least 1, 1 <= presample <= max_samples: {self}"
            )

    def still_needed(self, votes: Tally) -> int:
        beyond = votes.drawn - self.presample
        if beyond < 0:
            return -beyond
        if AdaptiveConsistency.confidence(*votes.top()) >= self.threshold:
            return 0
        return max(0, min(self.extension - beyond % self.extension, self.max_samples - votes.drawn))
