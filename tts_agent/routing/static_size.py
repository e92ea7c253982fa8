"""Static N*(p): a fixed number of votes, the best one if pass@1 were exactly what was predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.base import Decision
from tts_agent.routing.call_price import CallPrice
from tts_agent.routing.expected_vote import best_size, expected_vote
from tts_agent.routing.profile import ClassProfile
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single


@dataclass(frozen=True, slots=True)
class StaticSize:
    """Chooses n in 1..max_samples to maximise P(the vote is right | p, n) - n x price, at p = predicted mean.

    A baseline: it takes the mean of the belief for the truth, decides once, and never looks at the votes.
    Compare `PredictedGain`, which averages over the belief.
    """

    price: CallPrice = field(default_factory=CallPrice)
    profiles: Mapping[str, ClassProfile] = field(default_factory=dict)
    unknown: float = 0.5
    """pass@1 of a step that no estimator judged."""
    max_samples: int = 16

    def __post_init__(self) -> None:
        if not 0.0 <= self.unknown <= 1.0 or self.max_samples < 1:
            raise ConfigurationError(f"unknown must be between 0 and 1, max_samples at least 1: {self}")

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        rate = step.difficulty.mean if step.difficulty else self.unknown
        theta = self.profiles.get(step.kind, ClassProfile()).theta
        cost = self.price.of(step)
        chances = [expected_vote(rate, n, theta) for n in range(1, self.max_samples + 1)]
        size, value = best_size(chances, cost)
        vote = SelfConsistency(FixedSize(size), theta)
        strategy = Single() if size == 1 else vote
        return Decision(
            strategy,
            f"{size} samples are best if pass@1 is {rate:.2f}",
            self.price.per_token,
            {"single": chances[0] - cost} | {strategy.name: value},
        )
