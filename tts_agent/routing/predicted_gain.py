"""Allocation by predicted marginal gain, after Damani et al., "Learning How Hard to Think" (arXiv 2410.04707)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.routing.base import Decision
from tts_agent.routing.call_price import CallPrice
from tts_agent.routing.expected_vote import best_size, expected_any, expected_vote
from tts_agent.routing.profile import ClassProfile
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, SelfConsistency, Single, Strategy
from tts_agent.verifiers import Verifier


@dataclass(frozen=True, slots=True)
class PredictedGain:
    """Chooses n in 1..max_samples to maximise the expected gain less n x price, averaged over Beta(a, b).

    The gain of n samples is P(any is right) where the class of steps has a verifier (drawn at once and judged
    together), and P(the vote is right) elsewhere. Like the paper's, the allocation is made before the first
    sample and never revised. Simplified: the paper's probe predicts the gains of every n from hidden states,
    here they follow from the estimator's Beta; the paper divides a batch's budget greedily by marginal gain,
    here a price per sample does, which is the same division where gains diminish (the price is the gain of the
    last sample bought). A vote's gains need not diminish (an even n adds nothing to an odd one, and below
    p = 1/2 they can be negative), so the best n is searched, not climbed to. n = 0 is not offered.
    """

    price: CallPrice = field(default_factory=CallPrice)
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    profiles: Mapping[str, ClassProfile] = field(default_factory=dict)
    prior: Beta = field(default_factory=lambda: Beta(1.0, 1.0))
    """Belief about pass@1 of a step that no estimator judged."""
    max_samples: int = 16

    def __post_init__(self) -> None:
        if self.max_samples < 1:
            raise ConfigurationError(f"max_samples is {self.max_samples}: at least 1 is needed")

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        belief, cost = step.difficulty or self.prior, self.price.of(step)
        theta = self.profiles.get(step.kind, ClassProfile()).theta
        verifier = self.verifiers.get(step.kind)
        sizes = range(1, self.max_samples + 1)
        chances = [expected_any(belief, n) if verifier else expected_vote(belief, n, theta) for n in sizes]
        size, value = best_size(chances, cost)
        strategy: Strategy = Single()
        if size > 1:
            rule = FixedSize(size)
            strategy = BestOfN(verifier, rule) if verifier else SelfConsistency(rule, theta)
        gain = value - (chances[0] - cost)
        return Decision(
            strategy,
            f"{size} samples are predicted to be worth {gain:+.3f} of a correct answer more than one",
            self.price.per_token,
            {"single": chances[0] - cost} | {strategy.name: value},
        )
