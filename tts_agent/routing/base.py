"""The contract of a policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from tts_agent.budget import BudgetView
from tts_agent.step import Step
from tts_agent.strategies import Strategy


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do with a step."""

    strategy: Strategy | None
    """None: draw one sample first, look at it, and ask the policy again."""
    reason: str
    """One sentence for people."""
    price: float = 0.0
    """Price of a token that the decision was made at, in units of one correct answer."""
    values: Mapping[str, float] = field(default_factory=dict)
    """Expected value of each strategy considered: P(correct) less the price of its tokens."""
    propensities: Mapping[str, float] = field(default_factory=dict)
    """P(it is chosen) of each strategy, for a policy that chooses at random; empty for one that does not."""

    @property
    def name(self) -> str:
        """The strategy's name, or "probe"."""
        return self.strategy.name if self.strategy else "probe"


class Policy(Protocol):
    """Pure: it looks at a step (with its difficulty and what was drawn) and at the budget, and decides.

    A policy that answers "probe" is asked again with one sample in `step.drawn`, and must then choose.
    """

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        """Choose a strategy for `step`."""
        ...
