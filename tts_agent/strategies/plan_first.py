"""Strategy-first sampling: draw different plans, then solutions that each follow one, then vote.

Samples of one prompt tend to make the same mistake; plans in words differ where it matters. Sources: Wang et al.
(PlanSearch), arXiv 2409.03733; Qu et al. (abstractions before solutions), arXiv 2510.02263.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from tts_agent.effects import Flow, generate, together
from tts_agent.exceptions import ConfigurationError
from tts_agent.step import Outcome, Step
from tts_agent.strategies.base import answered, aside, asked_too, concluded, cut_short, majority

PLAN = "Before answering: describe in two or three sentences one way to approach this. Do not carry it out yet."
SOLVE = "Follow this approach and give the full answer."


@dataclass(frozen=True, slots=True)
class PlanFirst:
    """Draws plans together, then the solutions of every distinct plan together, and returns the majority's first.

    Plans are no answers and not among the outcome's samples; their tokens are on the ledger. Where no plan comes, as
    many solutions are drawn without one. Solutions of one plan are correlated: `voting.effective_size`.
    """

    name: ClassVar[str] = "plan_first"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "arXiv 2409.03733, 2510.02263"

    plans: int = 3
    solutions: int = 1
    """Of each plan."""
    plan: str = PLAN
    solve: str = SOLVE

    def __post_init__(self) -> None:
        if self.plans < 1 or self.solutions < 1:
            raise ConfigurationError(f"plans and solutions must be at least 1: {self}")

    def run(self, step: Step) -> Flow[Outcome]:
        planning = replace(step, messages=asked_too(step.messages, self.plan))
        planned = yield from generate(aside(planning), self.plans, final=step.final)
        plans = {sample.text.strip(): sample for sample in planned.samples if sample.text.strip()}
        requests = [step.request(*answered(plan, self.solve)) for plan in plans.values()]
        calls = [generate(request, self.solutions, final=step.final) for request in requests]
        if not calls:
            calls = [generate(step.request(), self.plans * self.solutions, final=step.final)]
        batches = yield from together(*calls)
        step = step.with_drawn(tuple(sample for batch in batches for sample in batch.samples))
        missing = (cut_short(batch) for batch in batches if not batch.samples)
        return concluded(self.name, next(missing, "done"), step, majority(step))
