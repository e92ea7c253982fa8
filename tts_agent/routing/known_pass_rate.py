"""The known-p oracle: any policy, told the true pass@1 of each question. For evaluation only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tts_agent.budget import BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.routing.base import Decision, Policy
from tts_agent.routing.marginal_value import MarginalValue
from tts_agent.step import Step


@dataclass(frozen=True, slots=True)
class KnownPassRate:
    """An upper limit to report against: how good would `policy` be with a perfect estimator?

    It overrides whatever an estimator said, before and after the first sample. Take the rates from samples that
    the run does not replay (split halves): in-sample oracles gain about twice what honest ones do. A policy that
    rounds beliefs to a grid sees no more than its grid allows.
    """

    rates: Mapping[str, float]
    """pass@1 by the text of the question (`Step.text`)."""
    policy: Policy = field(default_factory=MarginalValue)
    concentration: float = 1000.0
    """Samples that the belief is worth; rates of 0 and 1 are moved inwards by half of one."""

    def __post_init__(self) -> None:
        if not self.concentration > 1.0 or any(not 0.0 <= rate <= 1.0 for rate in self.rates.values()):
            raise ConfigurationError("rates must be between 0 and 1, and concentration above 1")

    def decide(self, step: Step, budget: BudgetView) -> Decision:
        if step.text not in self.rates:
            raise ConfigurationError(f"the oracle knows no pass rate of the question {step.text[:80]!r}")
        inwards = 0.5 / self.concentration
        rate = min(max(self.rates[step.text], inwards), 1.0 - inwards)
        return self.policy.decide(replace(step, difficulty=Beta.of(rate, self.concentration)), budget)
