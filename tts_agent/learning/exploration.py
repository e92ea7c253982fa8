"""Exploration: now and then another strategy than the policy's, with the probability of each written down.

Without it, records say how each strategy does on the steps that the policy gave it, and nothing about the others: a
strategy that gets the hard steps looks bad. `exploration_estimates` turns explored records into what each would gain.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import blake2b

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing import Decision, Policy
from tts_agent.step import Step
from tts_agent.strategies import Strategy


@dataclass(frozen=True, slots=True)
class Exploring:
    """`policy`, and with probability `rate` one of `arms` in its place, each as likely.

    An arm is known by its strategy's name. Where it is the policy's own choice as well, it is run with the policy's
    settings. So the propensity of the policy's choice is 1 - rate, plus rate / arms if it is an arm; of each
    other arm it is rate / arms. They are in `Decision.propensities`, and a `Recorder` keeps them.

    Chance is a hash of seed, messages and samples drawn so far: a step that is resumed or replayed decides as before,
    and a step that is asked twice with the same first sample is explored both times or neither time.
    """

    policy: Policy
    arms: tuple[Strategy, ...]
    rate: float = 0.05
    seed: int = 0
    _names: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = tuple(arm.name for arm in self.arms)
        if not names or len({*names}) < len(names):
            raise ConfigurationError(
                f"exploration needs one arm or more, each with a name of its own, got {list(names)}"
            )
        if not 0.0 <= self.rate <= 1.0:
            raise ConfigurationError(f"rate is {self.rate}: a probability is needed")
        object.__setattr__(self, "_names", names)

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        decision = self.policy.decide(step, budget)
        if decision.strategy is None:
            return decision
        each = self.rate / len(self.arms)
        propensities = dict.fromkeys(self._names, each)
        propensities[decision.name] = propensities.get(decision.name, 0.0) + 1.0 - self.rate
        chance = self._chance(step)
        if chance >= self.rate:
            return replace(decision, propensities=propensities)
        arm = self.arms[min(int(chance / each), len(self.arms) - 1)]
        if arm.name == decision.name:
            return replace(decision, propensities=propensities)
        reason = f"explored, with probability {each:.3g}, in place of {decision.name}"
        return replace(decision, strategy=arm, reason=reason, propensities=propensities)

    def _chance(self, step: Step) -> float:
        """Uniform on [0, 1)."""
        said = [(message.role, message.content) for message in step.messages]
        content = repr((self.seed, step.seed, step.kind, said, [sample.text for sample in step.drawn]))
        digest = blake2b(content.encode("utf-8", "surrogatepass"), digest_size=6).digest()
        return int.from_bytes(digest, "big") / 2**48
