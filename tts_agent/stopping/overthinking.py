"""A guard against overthinking: stop when the answers drift apart while compute goes up.

Samples of one question are exchangeable, and more of them never make the vote worse for long. Answers of successive
rounds, longer chains or higher efforts are not: beyond a point the model talks itself out of what it knew. It
shows without labels: the entropy of the latest answers rises while their agreement falls. Sources: Chen et al.,
arXiv 2412.21187; inverse scaling, Gema et al., arXiv 2507.14417; entropy of answers as the signal, Fu et al.
(Certaindex), arXiv 2412.20993. The test of two windows is this project's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import log

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.base import StoppingRule
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class Overthinking:
    """Another rule, but nothing more is drawn once the latest answers disagree more than those before them.

    The last `window` votes are compared with the `window` before: it stops when their entropy rose by more
    than `rise` and the share of their leader fell by more than `drop`. Chance does that to a vote without any drift
    as well, the more often the smaller the window (docs/strategies.md has the rates).
    """

    rule: StoppingRule
    window: int = 8
    rise: float = 0.5
    """Nats."""
    drop: float = 0.25
    """Of the share of votes, 0 to 1."""

    def __post_init__(self) -> None:
        if self.window < 2 or not (self.rise >= 0.0 and 0.0 <= self.drop <= 1.0):
            raise ConfigurationError(f"window must be at least 2, rise >= 0 and drop between 0 and 1: {self}")

    def still_needed(self, votes: Tally) -> int:
        return 0 if self.drifts(votes.votes) else self.rule.still_needed(votes)

    def drifts(self, votes: Sequence[Hashable | None]) -> bool:
        """Whether the latest answers disagree more than those before them; None is an answer like others."""
        before, latest = votes[-2 * self.window : -self.window], votes[-self.window :]
        if len(before) < self.window:
            return False
        rose = entropy(latest) - entropy(before) > self.rise
        return rose and agreement(before) - agreement(latest) > self.drop


def entropy(votes: Sequence[Hashable | None]) -> float:
    """Shannon entropy of the answers' shares, in nats."""
    return sum(-count / len(votes) * log(count / len(votes)) for count in Counter(votes).values())


def agreement(votes: Sequence[Hashable | None]) -> float:
    """Share of the most frequent answer."""
    return max(Counter(votes).values(), default=0) / max(1, len(votes))
