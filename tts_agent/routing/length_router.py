"""Routing by the length of the question: the baseline that every difficulty estimator has to beat."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.base import Decision
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single, Strategy


@dataclass(frozen=True, slots=True)
class LengthRouter:
    """The strategy of a step is that of the first bound which its number of words does not exceed."""

    bounds: tuple[int, ...] = (40,)
    """Words, ascending; taken from quantiles of training questions, for example."""
    strategies: tuple[Strategy, ...] = field(default_factory=lambda: (Single(), SelfConsistency(FixedSize(5))))
    """One more than bounds: the last is for everything longer."""

    def __post_init__(self) -> None:
        if any(low >= high for low, high in pairwise((0, *self.bounds))):
            raise ConfigurationError(f"bounds must be positive and rise, got {self.bounds}")
        if len(self.strategies) != len(self.bounds) + 1:
            raise ConfigurationError(
                f"{len(self.bounds)} bounds need {len(self.bounds) + 1} strategies, got {len(self.strategies)}"
            )

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        words = len(step.text.split())
        index = sum(words > bound for bound in self.bounds)
        return Decision(self.strategies[index], f"the question has {words} words")
