"""Light self-revision: the model looks at its answer once more, where that is expected to help.

Nobody tells whether the answer was right, so the round fixes a wrong one with probability f and breaks a right one with
probability r. It is made only where (1 - p) f > p r, p being the belief about pass@1: never where the model is mostly
right. f and r are measured per class of steps and model (`stopping.FixRates`); for most models r is not small, and then
this strategy is one call (Huang et al., arXiv 2310.01798).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from tts_agent.answers import vote
from tts_agent.effects import Flow, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.step import Outcome, Step
from tts_agent.stopping.refinement import advance
from tts_agent.strategies.base import answered, concluded, cut_short, first_attempt, usable

PROMPT = "Check your answer. If it is wrong, correct it. Then give the full answer again."


@dataclass(frozen=True, slots=True)
class SelfRevision:
    """Answers, and revises once if (1 - p) f > p r. A revision without an answer leaves the first one standing."""

    name: ClassVar[str] = "self_revision"
    source: ClassVar[str] = "this project, after arXiv 2310.01798"

    fix_rate: float
    """f: P(a wrong answer is right after the round)."""
    break_rate: float
    """r: P(a right answer is wrong after the round)."""
    prior: Beta = field(default_factory=lambda: Beta(1.0, 1.0))
    """Belief about pass@1 of a step that brings none."""
    prompt: str = PROMPT

    def __post_init__(self) -> None:
        if not (0.0 <= self.fix_rate <= 1.0 and 0.0 <= self.break_rate <= 1.0):
            raise ConfigurationError(f"fix_rate and break_rate must be between 0 and 1: {self}")

    def run(self, step: Step) -> Flow[Outcome]:
        step, batch = yield from first_attempt(step)
        first = usable(step, step.drawn)
        if first is None:
            return concluded(self.name, cut_short(batch), step, None)
        p = (step.difficulty or self.prior).mean
        revised = advance(p, self.fix_rate, self.break_rate)
        if revised <= p:
            return concluded(self.name, "done", step, first, p_correct=p)
        batch = yield from generate(step.request(*answered(first, self.prompt)), 1, final=step.final)
        step = step.with_drawn(batch.samples)
        if not batch.samples:
            return concluded(self.name, cut_short(batch), step, first, p_correct=p)
        if vote(batch.samples[0], step.answer_key) is None:
            return concluded(self.name, "done", step, first, p_correct=p)
        return concluded(self.name, "done", step, batch.samples[0], p_correct=revised)
