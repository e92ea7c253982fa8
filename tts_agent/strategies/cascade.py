"""A cascade: ask the cheapest rung first, and go up until one is sure of its answer.

A rung is a strategy with its own options of the request: a model (`samplers.panel.PanelSampler` finds it by the option
"model"), a reasoning effort, a thinking budget, a number of samples. With rungs that cost c_i and are sure with
probability s_i, the cascade costs the sum over i of c_i (1 - s_1) ... (1 - s_(i-1)). Whether it beats its best rung
depends on how well the lower ones know when they are right. `routing.ArmCascade` chooses the next arm by what was
learned about all of them; here the order is fixed. Sources: Chen et al., arXiv 2305.05176 (FrugalGPT); Yue et al.,
arXiv 2310.03094 (agreement among samples as the signal).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from tts_agent.effects import Flow
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Outcome, Step
from tts_agent.strategies.base import Strategy


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to answer."""

    strategy: Strategy
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the request, on top of the step's: {"model": ...}, {"reasoning_effort": ...}, ..."""
    max_tokens: int | None = None
    """Most output tokens of one sample; None: as the step says."""

    def step(self, step: Step) -> Step:
        """The step, as this rung asks it."""
        max_tokens = step.max_tokens if self.max_tokens is None else self.max_tokens
        return replace(step, options={**step.options, **self.options}, max_tokens=max_tokens)


@dataclass(frozen=True, slots=True)
class Cascade:
    """Stops at the first rung whose answer its verifier accepts, or that is right with probability `confident`.

    Where no rung is sure, the last that brought an answer is believed. Where a rung's calls fail, the next is asked;
    where the budget ends, what there is stands. The first rung starts from the samples drawn before.
    """

    name: ClassVar[str] = "cascade"
    source: ClassVar[str] = "arXiv 2305.05176, 2310.03094"

    rungs: tuple[Rung, ...]
    """Cheapest first."""
    confident: float = 0.9
    """`Outcome.p_correct` that ends it. It is as good as the strategy's own idea of it: calibrate it."""

    def __post_init__(self) -> None:
        if not self.rungs or not 0.0 < self.confident <= 1.0:
            raise ConfigurationError("a cascade needs at least one rung, and a confidence above 0 and at most 1")

    def run(self, step: Step) -> Flow[Outcome]:
        best, samples = Outcome(self.name, "failed"), tuple[Sample, ...]()
        for at, rung in enumerate(self.rungs):
            asked = rung.step(step if at == 0 else replace(step, drawn=()))
            outcome = yield from rung.strategy.run(asked)
            samples += outcome.samples
            best = replace(best, stop=outcome.stop) if outcome.sample is None else outcome
            if outcome.stop == "budget" or self._sure(outcome):
                break
        return replace(best, strategy=self.name, samples=samples)

    def _sure(self, outcome: Outcome) -> bool:
        return bool(outcome.accepted) or (outcome.p_correct or 0.0) >= self.confident
