"""Random mixing of strategies: what any router must beat at the same cost."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from random import Random

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.base import Decision
from tts_agent.step import Step
from tts_agent.strategies import Strategy


@dataclass(frozen=True, slots=True)
class RandomRouter:
    """Takes a strategy with the probability of its weight, whatever the step.

    The draw is a hash of `seed` and the step's text: the same step gets the same strategy in every run and
    order, equal texts get equal strategies, and another seed is another draw.
    """

    strategies: tuple[Strategy, ...]
    weights: tuple[float, ...] = ()
    """One each, >= 0; none: all alike."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.strategies:
            raise ConfigurationError("a random router needs at least one strategy")
        if self.weights and (len(self.weights) != len(self.strategies) or min(self.weights) < 0.0):
            raise ConfigurationError(
                f"{len(self.strategies)} strategies need as many weights, all >= 0, got {self.weights}"
            )
        if self.weights and sum(self.weights) <= 0.0:
            raise ConfigurationError("one of the weights must be above 0")

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        seed = blake2b(f"{self.seed} {step.text}".encode(errors="surrogatepass"), digest_size=8).digest()
        (strategy,) = Random(int.from_bytes(seed, "big")).choices(self.strategies, self.weights or None)
        return Decision(strategy, "drawn at random")
