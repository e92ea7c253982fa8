"""Routing by marginal value: every strategy that a step allows competes in the same currency.

The currency is one correct answer. With lambda the price of a token, c the tokens of one call (known exactly
after the first) and Beta(a, b) the belief about pass@1, a strategy is worth its expected probability of a
correct answer less lambda times the tokens it is expected to spend from here on:

    single                  a / (a + b)
    self-consistency        that of a single call, and the gain of drawing on by the price table (`stopping.PriceRule`)
    best-of-n, verified     sum over tries of P(reached) (P(passes) - lambda c)  (`stopping.UntilAccepted`)
    refinement, verified    rounds while each is worth its tokens  (`stopping.Refinement`)

A verifier that is fooled ends the search at a wrong first answer as often, which leaves the last two worth less.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.routing.base import Decision
from tts_agent.routing.profile import ClassProfile
from tts_agent.sampling import Usage
from tts_agent.step import Step
from tts_agent.stopping import PriceRule, Prices, Refinement, UntilAccepted
from tts_agent.strategies import BestOfN, SelfConsistency, SequentialRefinement, Single, Strategy
from tts_agent.strategies.sequential_refinement import plain_feedback
from tts_agent.verifiers import AcceptRates, Verdict, Verifier


@dataclass(frozen=True, slots=True)
class MarginalValue:
    """Probes with one call, then takes the strategy with the highest value net of price."""

    price: float = 2e-5
    """Price of a token; 1 / price is the number of tokens that one correct answer is worth. Under a budget with a pace
    it is the lowest price: where the steps ahead would not fit, tokens cost as much more as makes them fit."""
    verifiers: Mapping[str, Verifier] = field(default_factory=dict)
    """Verifier of each class of steps that has one."""
    profiles: Mapping[str, ClassProfile] = field(default_factory=dict)
    """What was measured about each class of steps."""
    prior: Beta = field(default_factory=lambda: Beta(1.0, 1.0))
    """Belief about pass@1 of a step that no estimator judged."""
    serial_price: float = 0.0
    """Price of an output token that somebody waits for, on top of `price`: above 0, votes come in batches."""
    max_samples: int = 16
    max_rounds: int = 6
    feedback: Callable[[Verdict], str] = plain_feedback
    rates: Mapping[str, AcceptRates] = field(default_factory=dict)
    """How often the verifier of each class was right. One that was not measured is taken to be never fooled."""

    def __post_init__(self) -> None:
        if min(self.price, self.serial_price) < 0.0 or min(self.max_samples, self.max_rounds) < 1:
            raise ConfigurationError(
                f"prices must be >= 0, max_samples and max_rounds at least 1, "
                f"got {self.price}, {self.serial_price}, {self.max_samples} and {self.max_rounds}"
            )

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        if not step.drawn:
            return Decision(None, "one call first: it is needed anyway and tells the most", self.price)
        price = max(self.price, budget.price)
        arms = self._arms(step, price)
        strategy, _ = max(arms, key=lambda arm: arm[1])
        values = {arm.name: value for arm, value in arms}
        gain = values[strategy.name] - values["single"]
        reason = (
            f"{strategy.name} is worth {gain:+.3f} of a correct answer more than stopping after one call"
            if gain > 0.0
            else "no further call is worth its price"
        )
        return Decision(strategy, reason, price, values)

    def _arms(self, step: Step, price: float) -> list[tuple[Strategy, float]]:
        """Each strategy with its value, the cheapest first so that it wins ties."""
        profile = self.profiles.get(step.kind, ClassProfile())
        belief = step.difficulty or profile.reference or self.prior
        verifier = self.verifiers.get(step.kind)
        fooled = self.rates[step.kind].false_accept.mean if step.kind in self.rates else 0.0
        used = step.drawn[0].usage
        first = belief.mean if step.tally().leader is not None else 0.0  # a cut-off reply is never right
        cost = price * used.total
        wait = self.serial_price * used.output_tokens
        questions = profile.questions(step.difficulty, self.prior)
        most, most_rounds = _caps(profile, self.max_samples, self.max_rounds)
        vote = PriceRule(questions, Prices(cost, wait), most)
        arms: list[tuple[Strategy, float]] = [
            (Single(), first),
            (SelfConsistency(vote, population=questions), first + vote.gain(step.tally())),
        ]
        if verifier and most > 1:
            tries = UntilAccepted(belief, cost, most, false_accept=fooled)
            rest = UntilAccepted(Beta(belief.a, belief.b + 1.0), cost, most - 1, false_accept=fooled).value()
            arms.append((BestOfN(verifier, tries), first + (1.0 - first) * (1.0 - fooled) * rest))
        if verifier and profile.fix_rate > 0.0 and most_rounds > 0:
            rounds = Refinement((profile.fix_rate,) * most_rounds, (price * _round_tokens(used),) * most_rounds)
            refine = SequentialRefinement(verifier, most_rounds, self.feedback)
            arms.append((refine, first + (1.0 - first) * (1.0 - fooled) * rounds.outlook().value))
        return arms


def _caps(profile: ClassProfile, samples: int, rounds: int) -> tuple[int, int]:
    """Most samples and rounds, no more than where they were measured to turn over."""
    return (
        samples if profile.most_samples is None else min(samples, profile.most_samples),
        rounds if profile.most_rounds is None else min(rounds, profile.most_rounds),
    )


def _round_tokens(first: Usage) -> int:
    """Tokens of one round: the first prompt, the attempt read back, and a new attempt."""
    return first.input_tokens + 2 * first.output_tokens
