"""Always the same strategy: the baseline, and the way to switch adaptivity off."""

from __future__ import annotations

from dataclasses import dataclass

from tts_agent.budget import BudgetView
from tts_agent.routing.base import Decision
from tts_agent.step import Step
from tts_agent.strategies import Strategy


@dataclass(frozen=True, slots=True)
class Fixed:
    """Whatever the step, `strategy`."""

    strategy: Strategy

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        return Decision(self.strategy, "the policy is fixed")
