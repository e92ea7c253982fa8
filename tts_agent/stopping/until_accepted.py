"""Drawing for a verifier that accepts or rejects: how long another try is worth its price.

After k rejected tries the next one is right with probability p_k = a / (a + b + k). With false-accept rate e
it is accepted although it is wrong with probability e (1 - p_k), which costs `harm` and ends the search:

    V_k = max{ F, p_k - e (1 - p_k) harm + (1 - e) (1 - p_k) V_(k+1) - cost },   F = max(0, fallback)

A rejection shows that a sample was wrong, whatever e is, so the belief is Beta(a, b + k) in either case.
p_k falls with k; hence the first try that does not pay is the last word, and V is exact without a table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.stopping.outlook import Outlook
from tts_agent.voting import Tally


@dataclass(frozen=True, slots=True)
class UntilAccepted:
    """After k rejected tries continue while the next one is worth more than its price and the fallback.

    The strategy stops by itself when a sample is accepted, so every sample of the tally was rejected. Tries
    are batched: as many as are each worth their price if all before them fail, at most `batch`.
    """

    order_matters: ClassVar[bool] = False

    prior: Beta
    """Belief about pass@1 before the first try."""
    cost: float
    """Price of one try, in units of one correct answer (price per token x tokens per try / v)."""
    max_samples: int = 16
    batch: int = 1
    false_accept: float = 0.0
    """P(the verifier accepts | the sample is wrong), 0 to 1. An exact verifier has 0."""
    harm: float = 0.0
    """What an accepted wrong answer costs, next to no answer (0) and a right one (1)."""
    fallback: float = 0.0
    """Worth of giving up: what a bigger model, a person or another strategy would bring, less its price.
    Below or at 0: giving up brings nothing."""

    def __post_init__(self) -> None:
        if self.cost < 0.0 or self.max_samples < 1 or self.batch < 1:
            raise ConfigurationError(f"cost must be >= 0, max_samples and batch at least 1: {self}")
        if not (0.0 <= self.false_accept <= 1.0 and self.harm >= 0.0 and self.fallback <= 1.0):
            raise ConfigurationError(f"false_accept must be between 0 and 1, harm >= 0, fallback at most 1: {self}")

    def still_needed(self, votes: Tally) -> int:
        worth = 0
        while worth < min(self.batch, self.max_samples - votes.drawn) and self.gain(votes.drawn + worth) > 0.0:
            worth += 1
        return worth

    def gain(self, failures: int) -> float:
        """What one more try after `failures` brings over giving up now."""
        passes = self.prior.a / (self.prior.concentration + failures)
        worst = max(0.0, self.fallback)
        return passes * (1.0 - worst) - self.false_accept * (1.0 - passes) * (self.harm + worst) - self.cost

    def value(self) -> float:
        """Expected worth of an accepted sample (or the fallback) less the expected price of all tries."""
        return self.outlook(0).value

    def outlook(self, failures: int) -> Outlook:
        """The best plan after `failures` rejected tries, one at a time to the horizon."""
        end = failures
        while end < self.max_samples and self.gain(end) > 0.0:
            end += 1
        success, spent, reached, harmed = 0.0, 0.0, 1.0, 0.0
        for k in range(failures, end):
            passes = self.prior.a / (self.prior.concentration + k)
            spent += reached * self.cost
            success += reached * passes
            harmed += reached * self.false_accept * (1.0 - passes)
            reached *= (1.0 - passes) * (1.0 - self.false_accept)
        value = success - self.harm * harmed + reached * max(0.0, self.fallback) - spent
        if end > failures:
            return Outlook("go_on", value, success, spent, end - failures)
        return Outlook("escalate" if self.fallback > 0.0 else "give_up", value, 0.0, 0.0, 0)
