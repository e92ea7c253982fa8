"""Fix rates of refinement rounds, learned from recorded turns.

The first attempt is no refinement and has a rate of its own. One rate for all rounds after it fits badly: tasks
differ, the easy ones leave first, and the rate among those left falls. With p ~ Beta(a, b) over tasks, and
constant within one, the rate among the tasks still wrong is

    h_t = a / (a + b + t - 1)       (t = 1, 2, ...)

the shifted beta-geometric of Fader and Hardie (Journal of Interactive Marketing 21, 2007). Where rounds differ
in kind (one looks at the schema, the next answers), each round's own count corrects it:

    f_t = (m h_t + fixed_t) / (m + at_risk_t)

For each of some strengths m, a and b maximize the marginal (beta-binomial) likelihood, and the f_t are averaged
over m with these likelihoods as weights.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, inf, lgamma, log

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.stopping.beta_fit import jeffreys, likeliest

STRENGTHS = (4.0, 16.0, 64.0, 256.0, inf)
"""Values of m that are averaged over; infinity is the curve alone."""


@dataclass(frozen=True, slots=True)
class RoundCounts:
    """What was recorded of one class of steps with one kind of feedback."""

    right: int
    """First attempts that were right."""
    attempts: int
    """First attempts."""
    fixed: tuple[int, ...]
    """Wrong answers that round t (1, 2, ...) made right."""
    at_risk: tuple[int, ...]
    """Wrong answers that went into round t."""
    broken: int = 0
    """Right answers that the next round made wrong."""
    kept: int = 0
    """Right answers that the next round left right."""

    def __post_init__(self) -> None:
        pairs = list(zip(self.fixed, self.at_risk, strict=False))
        if len(self.fixed) != len(self.at_risk) or any(not 0 <= fixed <= risk for fixed, risk in pairs):
            raise ConfigurationError("each round needs counts with 0 <= fixed <= at_risk")
        if not 0 <= self.right <= self.attempts or min(self.broken, self.kept) < 0:
            raise ConfigurationError("counts must be >= 0 and not more attempts right than made")

    @classmethod
    def of(cls, tasks: Iterable[Sequence[bool]]) -> RoundCounts:
        """From one sequence of right / wrong per task: its first attempt, then every round.

        A record may end at its first right answer, or early (a survivor up to there), or go on after a right
        answer, which shows the break rate. Fixes of answers that had been right before count as fixes too.
        """
        rows = [list(turns) for turns in tasks if len(turns)]
        rounds = max((len(turns) for turns in rows), default=1) - 1
        fixed, at_risk, broken, kept = [0] * rounds, [0] * rounds, 0, 0
        for turns in rows:
            for t, (before, after) in enumerate(itertools.pairwise(turns)):
                if before:
                    broken += not after
                    kept += after
                else:
                    at_risk[t] += 1
                    fixed[t] += after
        return cls(sum(bool(turns[0]) for turns in rows), len(rows), tuple(fixed), tuple(at_risk), broken, kept)


@dataclass(frozen=True, slots=True)
class Curve:
    """The curve of one strength, with its share in the average."""

    share: float
    belief: Beta
    strength: float

    def rate(self, t: int, fixed: int, at_risk: int) -> float:
        """f_t."""
        rate = self.belief.a / (self.belief.concentration + t - 1)
        return rate if self.strength == inf else (self.strength * rate + fixed) / (self.strength + at_risk)


@dataclass(frozen=True, slots=True)
class FixRates:
    """Rate of the first attempt, fix rate of every round, break rate."""

    counts: RoundCounts
    curves: tuple[Curve, ...]
    """Their shares sum to 1."""

    @classmethod
    def fit(cls, counts: RoundCounts, strengths: Sequence[float] = STRENGTHS) -> FixRates:
        """Fit to counts. Without any the rates are those of Jeffreys' prior, one half."""
        if not strengths or not all(strength > 0.0 for strength in strengths):
            raise ConfigurationError(f"strengths must be above 0, and at least one is needed: {tuple(strengths)}")
        fits: list[tuple[float, Beta, float]] = []
        for strength in strengths:
            near = fits[-1][1] if fits else None
            fits.append((*_fit(counts, strength, near), strength))
        top = max(likelihood for likelihood, _, _ in fits)
        total = sum(exp(likelihood - top) for likelihood, _, _ in fits)
        return cls(counts, tuple(Curve(exp(fit - top) / total, belief, m) for fit, belief, m in fits))

    @property
    def attempt(self) -> float:
        """P(the first attempt is right), for a task nobody estimated."""
        return (self.counts.right + 0.5) / (self.counts.attempts + 1.0)

    @property
    def breaks(self) -> float:
        """P(a right answer is wrong after a round); one half where no right answer was ever revised."""
        return (self.counts.broken + 0.5) / (self.counts.broken + self.counts.kept + 1.0)

    def rate(self, t: int) -> float:
        """P(round t fixes the answer | it is still wrong), t = 1, 2, ...; beyond the record the curves alone."""
        if t < 1:
            raise ConfigurationError(f"rounds are numbered from 1, there is no round {t}")
        recorded = t <= len(self.counts.at_risk)
        fixed, at_risk = (self.counts.fixed[t - 1], self.counts.at_risk[t - 1]) if recorded else (0, 0)
        return sum(curve.share * curve.rate(t, fixed, at_risk) for curve in self.curves)

    def rates(self, rounds: int) -> tuple[float, ...]:
        """Rates of rounds 1 to `rounds`."""
        return tuple(self.rate(t) for t in range(1, rounds + 1))

    def solved(self, turns: int) -> tuple[float, ...]:
        """P(solved by turn t) for t = 1 to `turns`; turn 1 is the first attempt."""
        wrong, by_turn = 1.0, []
        for rate in (self.attempt, *self.rates(turns - 1)):
            wrong *= 1.0 - rate
            by_turn.append(1.0 - wrong)
        return tuple(by_turn)


def _fit(counts: RoundCounts, strength: float, near: Beta | None) -> tuple[float, Beta]:
    """(ln marginal likelihood, Beta) of the best curve at one strength."""
    rounds = [
        (t, float(fixed), float(at_risk - fixed))
        for t, (fixed, at_risk) in enumerate(zip(counts.fixed, counts.at_risk, strict=True))
        if at_risk
    ]

    def curve(belief: Beta) -> float:
        total = jeffreys(belief)
        for t, fixed, failed in rounds:
            rate = belief.a / (belief.concentration + t)
            total += fixed * log(rate) + failed * log(1.0 - rate)
        return total

    def shrunk(belief: Beta) -> float:  # beta-binomial, without the terms that hold no a or b
        total = jeffreys(belief)
        for t, fixed, failed in rounds:
            a = strength * belief.a / (belief.concentration + t)
            b = strength - a
            total += lgamma(a + fixed) - lgamma(a) + lgamma(b + failed) - lgamma(b)
        return total

    if strength == inf:
        return likeliest(curve, near)
    value, belief = likeliest(shrunk, near)
    return value + sum(lgamma(strength) - lgamma(strength + fixed + failed) for _, fixed, failed in rounds), belief
