"""How many chains, and how many rounds of refinement each: the closed form for chains that a verifier watches.

k chains start alike and are refined in step. Right with probability p at first, an attempt that is rejected is revised:
a wrong one becomes right with probability f (fix rate), a right one wrong with probability r (break rate). The verifier
accepts right attempts with probability a and wrong ones with probability b, and the first one accepted ends it. With
q_t = P(right | every earlier attempt of this chain was rejected):

    accepted        A_t = q_t a + (1 - q_t) b
    still going     G_t = prod over s < t of (1 - A_s)^k
    rejected right  w_t = q_t (1 - a) / (1 - A_t),     q_(t+1) = w_t (1 - r) + (1 - w_t) f
    right           sum over t of (G_t - G_(t+1)) q_t a / A_t, + G_(R+1) w_R
    calls           k sum over t of G_t

(After the last round one of the rejected attempts is taken; votes among them can only do better.)

The price is paid for all k attempts of a round. p is averaged over the belief: chains of one question share its
difficulty, so more of them help less than independent ones would. f and r are taken as equal for all questions.
The forms are this project's; that the best split between parallel and sequential depends on difficulty, Snell et al.,
arXiv 2408.03314.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.stopping.refinement import advance

POINTS = 24
"""Quantiles that a belief about p is averaged over."""


@dataclass(frozen=True, slots=True)
class Shape:
    """k chains of up to r rounds of refinement after the first attempt."""

    chains: int
    rounds: int

    def __post_init__(self) -> None:
        if self.chains < 1 or self.rounds < 0:
            raise ConfigurationError(f"a hybrid has at least 1 chain and 0 rounds: {self}")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a shape is expected to come to."""

    right: float
    """P(the answer is right)."""
    tokens: float
    """Expected tokens."""


@dataclass(frozen=True, slots=True)
class HybridRates:
    """What was measured for a class of steps, model and verifier; see the module for the letters."""

    fix: float
    broken: float
    accepts_right: float = 1.0
    accepts_wrong: float = 0.0
    attempt_tokens: float = 1.0
    """Of a first attempt, prompt included."""
    revision_tokens: float = 1.0
    """Of a revision, prompt, attempt and feedback included."""

    def __post_init__(self) -> None:
        rates = (self.fix, self.broken, self.accepts_right, self.accepts_wrong)
        if not all(0.0 <= rate <= 1.0 for rate in rates) or min(self.attempt_tokens, self.revision_tokens) <= 0.0:
            raise ConfigurationError(f"rates must be between 0 and 1, and tokens above 0: {self}")

    def forecast(self, p: float, shape: Shape) -> Forecast:
        """Of chains that are right with probability `p` at first."""
        going, calls, q, right, left = 1.0, [], p, 0.0, p
        for _ in range(shape.rounds + 1):
            calls.append(shape.chains * going)
            accepted = q * self.accepts_right + (1.0 - q) * self.accepts_wrong
            ends = going * (1.0 - (1.0 - accepted) ** shape.chains)
            if accepted > 0.0:
                right += ends * q * self.accepts_right / accepted
            going -= ends
            if accepted >= 1.0:
                break
            left = q * (1.0 - self.accepts_right) / (1.0 - accepted)
            q = advance(left, self.fix, self.broken)
        tokens = calls[0] * self.attempt_tokens + sum(calls[1:]) * self.revision_tokens
        return Forecast(right + going * left, tokens)

    def expected(self, belief: Beta, shape: Shape) -> Forecast:
        """The forecast, averaged over the belief about p."""
        each = [self.forecast(p, shape) for p in _quantiles(belief)]
        return Forecast(sum(one.right for one in each) / POINTS, sum(one.tokens for one in each) / POINTS)


@dataclass(frozen=True, slots=True)
class BestShape:
    """The shape with the highest P(right) less the price of its expected tokens, by enumeration.

    Never more calls than `max_calls`, k (r + 1), which bounds what a step may cost.
    """

    rates: HybridRates
    price: float
    """Of a token, in units of one correct answer."""
    max_calls: int = 16
    prior: Beta = field(default_factory=lambda: Beta(1.0, 1.0))
    """Belief about p of a step that brings none."""

    def __post_init__(self) -> None:
        if not self.price >= 0.0 or self.max_calls < 1:
            raise ConfigurationError(f"the price must be >= 0 and max_calls at least 1: {self}")

    def choose(self, belief: Beta | None = None) -> Shape:
        """The best shape for a step; among equals the one with the fewest calls, then with the fewest rounds."""
        return _choose(self, (belief or self.prior).rounded())

    def value(self, belief: Beta, shape: Shape) -> float:
        """P(right) less the price."""
        forecast = self.rates.expected(belief, shape)
        return forecast.right - self.price * forecast.tokens


@lru_cache(maxsize=1024)
def _choose(best: BestShape, belief: Beta) -> Shape:
    shapes = [
        Shape(chains, rounds) for chains in range(1, best.max_calls + 1) for rounds in range(best.max_calls // chains)
    ]
    shapes.sort(key=lambda shape: (shape.chains * (shape.rounds + 1), shape.rounds))
    return max(shapes, key=lambda shape: best.value(belief, shape))


@lru_cache(maxsize=1024)
def _quantiles(belief: Beta) -> tuple[float, ...]:
    return tuple(belief.quantile((i + 0.5) / POINTS) for i in range(POINTS))
