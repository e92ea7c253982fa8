"""Drawing under a continuous score: Weitzman's rule for Pandora's boxes.

The best score drawn so far is kept. One more draw from a known distribution pays while

    E[(R - best)+] > cost,    that is, while best is below the reservation value z:  E[(R - z)+] = cost

and with recall and equal boxes this is optimal, however many draws are left (Weitzman, Econometrica 47, 1979).
Scores must be in the unit of the price: P(correct), as a calibrated reward model gives it. Where the
distribution is learned while drawing, the rule is applied to the predictive distribution of the moment. That
keeps its form (Rothschild 1974; Bikhchandani and Sharma 1996) and ignores what a draw teaches, so it may stop
a little early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.scores import NormalBelief, Scores


@dataclass(frozen=True, slots=True)
class Pandora:
    """Draw while the expected improvement on the best score is worth a draw."""

    scores: Scores
    """Distribution of a score. A `NormalBelief` learns from the scores of this very step."""
    cost: float
    """Price of one draw, in the unit of the scores (price per token x tokens per draw / v)."""
    max_samples: int = 16
    fallback: float = 0.0
    """Worth of giving up without any draw: the score that the first one has to beat."""

    def __post_init__(self) -> None:
        if not self.cost >= 0.0 or self.max_samples < 1:
            raise ConfigurationError(f"cost must be >= 0 and max_samples at least 1: {self}")

    def still_needed(self, seen: Sequence[float]) -> int:
        """1 while another draw pays after the scores `seen`, else 0."""
        return int(len(seen) < self.max_samples and self.gain(seen) > 0.0)

    def gain(self, seen: Sequence[float]) -> float:
        """Expected improvement of the next draw less its price."""
        return self._predictive(seen).excess(self._best(seen)) - self.cost

    def value(self, seen: Sequence[float]) -> float:
        """Expected final best less the price of what is drawn, were the distribution known and draws unlimited.

        Weitzman: max(best, z). An upper bound once `max_samples` binds.
        """
        best = self._best(seen)
        if len(seen) >= self.max_samples:
            return best
        return max(best, reservation(self._predictive(seen), self.cost))

    def _best(self, seen: Sequence[float]) -> float:
        return max(seen, default=self.fallback)

    def _predictive(self, seen: Sequence[float]) -> Scores:
        return self.scores.after(seen) if isinstance(self.scores, NormalBelief) else self.scores


def reservation(scores: Scores, cost: float) -> float:
    """The score z with E[(R - z)+] = `cost`: keep what is above it. To 1e-12 of the width searched.

    `cost` = 0 gives the largest score worth waiting for: that of the distribution where it has one, else a value
    beyond which an improvement is below 1e-15.
    """
    centre, width = scores.mean, 1.0
    least = max(cost, 1e-15)
    while scores.excess(centre + width) > least:
        width *= 2.0
    high = centre + width
    low = centre - width
    while scores.excess(low) < least:  # E[(R - z)+] >= mean - z: this ends
        width *= 2.0
        low = centre - width
    for _ in range(100):
        middle = (low + high) / 2.0
        if scores.excess(middle) > least:
            low = middle
        else:
            high = middle
    return (low + high) / 2.0
