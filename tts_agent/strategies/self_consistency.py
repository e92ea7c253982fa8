"""Parallel samples with voting (self-consistency, Wang et al., arXiv 2203.11171), under any stopping rule."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from tts_agent.effects import Flow
from tts_agent.probability import Beta
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize, StoppingRule
from tts_agent.strategies.base import concluded, draw_under, majority
from tts_agent.voting import Tally, posterior

if TYPE_CHECKING:
    from tts_agent.population import Population


@dataclass(frozen=True, slots=True)
class SelfConsistency:
    """Draws what the rule still needs, in parallel batches, and returns the first sample of the majority."""

    name: ClassVar[str] = "self_consistency"
    needs: ClassVar[tuple[str, ...]] = ("n",)
    source: ClassVar[str] = "arXiv 2203.11171"

    rule: StoppingRule = field(default_factory=lambda: FixedSize(5))
    theta: float = 1.0
    """Concentration of wrong answers, for the reported P(correct)."""
    prior: Beta = field(default_factory=lambda: Beta(1.0, 1.0))
    """Belief about pass@1 of a step that brings none, for the same."""
    population: Population | None = None
    """Which questions this may be one of, for the same; it replaces belief and concentration."""

    def run(self, step: Step) -> Flow[Outcome]:
        step, stop = yield from draw_under(self.rule, step)
        return concluded(self.name, stop, step, majority(step), p_correct=self._p_correct(step, step.tally()))

    def _p_correct(self, step: Step, tally: Tally) -> float:
        if self.population is not None:
            return self.population.posterior(tally).of(tally.leader)
        return posterior(tally, step.difficulty or self.prior, self.theta).of(tally.leader)
