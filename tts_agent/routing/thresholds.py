"""Routing by predicted pass@1 alone: transparent, and easy to override by hand."""

from __future__ import annotations

from dataclasses import dataclass, field

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.base import Decision
from tts_agent.step import Step
from tts_agent.stopping import AdaptiveConsistency
from tts_agent.strategies import SelfConsistency, Single, Strategy


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Easy steps get one strategy, hard ones another, the rest (and steps nobody estimated) a third."""

    easy_above: float = 0.9
    hard_below: float = 0.4
    easy: Strategy = field(default_factory=Single)
    medium: Strategy = field(default_factory=lambda: SelfConsistency(AdaptiveConsistency(max_samples=16)))
    hard: Strategy = field(default_factory=lambda: SelfConsistency(AdaptiveConsistency(max_samples=16)))

    def __post_init__(self) -> None:
        if not 0.0 <= self.hard_below <= self.easy_above <= 1.0:
            raise ConfigurationError(
                f"thresholds must satisfy 0 <= hard_below <= easy_above <= 1, "
                f"got {self.hard_below} and {self.easy_above}"
            )

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        if step.difficulty is None:
            return Decision(self.medium, "no estimate of difficulty")
        mean = step.difficulty.mean
        if mean >= self.easy_above:
            return Decision(self.easy, f"predicted pass@1 {mean:.2f} is at least {self.easy_above}")
        if mean < self.hard_below:
            return Decision(self.hard, f"predicted pass@1 {mean:.2f} is below {self.hard_below}")
        return Decision(self.medium, f"predicted pass@1 {mean:.2f} is in between")
