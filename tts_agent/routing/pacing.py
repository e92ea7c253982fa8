"""Pacing: the price of a token that makes the rest of a task fit the rest of its budget.

    lambda = the lowest price at which  sum over remaining steps of E[cost(class, lambda / v)]
             <= (1 - reserve) x remaining budget

found by bisection and found again after every step, so that what a cheap step saved lowers the price of the
next and an expensive one raises it. `v` is what a right answer to a step is worth to the task: 1 where steps
count by themselves; where all must succeed, the product of the other steps' expected success.

An expectation that fits is not a cap: the ledger is the cap. Values only, no I/O.
Source: a Lagrangian relaxation of the knapsack (Everett 1963) with certainty-equivalent re-solving (Jasin and
Kumar 2012); for calls to models, Damani et al., arXiv 2410.04707, with one price for a batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import exp, inf, log, prod

from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.curves import Expected, StepCurve
from tts_agent.routing.horizon import Horizon, LearnedHorizon, StepMix

PRECISION = 1e-9
"""Relative precision of prices."""

RANGE = 60.0
"""Natural logarithm of the range that prices are searched in, below the ceiling."""

LEAST_SUCCESS = 1e-9
"""A step of a chain that never succeeds counts as this: the task is worth nothing, and tokens are dear to it."""


@dataclass(frozen=True, slots=True)
class Work:
    """Steps that are still to come."""

    curve: StepCurve
    count: float = 1.0
    """Expected number, may be a fraction."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The price found, and what is expected at it."""

    price: float
    """lambda of a token in units of one right step, or (serial) lambda / P(all right), the price relative to what
    the task is worth now. It does not rise with the budget; in the serial case lambda itself may."""
    prices: tuple[float, ...]
    """lambda / v of each piece of work: the price to decide its steps at, in units of one right step."""
    cost: float
    """Expected tokens of all steps ahead."""
    success: float
    """Expected number of right steps, or (serial) P(all are right)."""
    fits: bool
    """False: not even the ceiling's price fits, so that the budget will probably end before the task."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """How to price a task. Equal inputs give equal prices."""

    reserve: float = 0.125
    """Share of the remaining budget kept for the final answer (rho)."""
    serial: bool = False
    """Whether every step must be right for the task to be right."""
    floor: float = 1e-9
    """Lowest price per step: what a token costs even when the budget is plenty. 0 is allowed."""
    ceiling: float = 1.0
    """Highest price per step: a token for one right step."""

    def __post_init__(self) -> None:
        if not (0.0 <= self.reserve < 1.0 and 0.0 <= self.floor < self.ceiling < inf):
            raise ConfigurationError(
                f"reserve must be in [0, 1) and prices 0 <= floor < ceiling: "
                f"got {self.reserve}, {self.floor} and {self.ceiling}"
            )

    def solve(self, work: Sequence[Work], remaining: float) -> Plan:
        """The lowest price at which `work` is expected to fit `remaining` tokens less the reserve.

        Raises:
            ConfigurationError: for a budget below 0 or a count below 0.
        """
        if not remaining >= 0.0 or any(not 0.0 <= piece.count < inf for piece in work):
            raise ConfigurationError("the remaining budget and the counts of steps must be >= 0")
        room = (1.0 - self.reserve) * remaining
        plan = self._at(self.floor, work, room)
        if plan.fits or not work:
            return plan
        # A step's own price is below the scale where its success is small: the scale goes higher than the ceiling.
        top = self.ceiling * (exp(30.0) if self.serial else 1.0)
        low, high = log(max(self.floor, self.ceiling * exp(-RANGE))), log(top)
        best = self._at(top, work, room)
        if not best.fits:
            return best
        while high - low > PRECISION:
            middle = (low + high) / 2.0
            plan = self._at(exp(middle), work, room)
            if plan.fits:
                best, high = plan, middle
            else:
                low = middle
        return best

    def _at(self, scale: float, work: Sequence[Work], room: float) -> Plan:
        """What is expected when the price is `scale`.

        In the serial case `scale` is lambda / P(all right). A step's own price lambda / v = scale x its success
        then depends on no other step, and is unique, because success does not rise with the price.
        """
        if self.serial:
            prices = tuple(_own_price(piece.curve, scale, self.floor, self.ceiling) for piece in work)
        else:
            prices = (scale,) * len(work)
        expected = [piece.curve(price) for piece, price in zip(work, prices, strict=True)]
        pairs = list(zip(work, expected, strict=True))
        cost = sum(piece.count * each.cost for piece, each in pairs)
        if self.serial:
            success = prod(each.success**piece.count for piece, each in pairs)
            return Plan(scale, prices, cost, success, cost <= room)
        right = sum(piece.count * each.success for piece, each in pairs)
        return Plan(scale, prices, cost, right, cost <= room)


def _own_price(curve: StepCurve, scale: float, floor: float, ceiling: float) -> float:
    """The price p from floor to ceiling with p = scale x success(p), from above (what fits there fits here)."""

    def above(price: float) -> bool:
        return price >= scale * max(curve(price).success, LEAST_SUCCESS)

    if scale <= floor or above(floor):
        return floor
    if not above(min(scale, ceiling)):
        return min(scale, ceiling)
    low, high = log(max(floor, ceiling * exp(-RANGE))), log(min(scale, ceiling))
    while high - low > PRECISION / 10.0:
        middle = (low + high) / 2.0
        if above(exp(middle)):
            high = middle
        else:
            low = middle
    return exp(high)


@dataclass(frozen=True, slots=True)
class TaskPace:
    """A task on its way: its budget, what was spent, and what is known about steps to come. A value."""

    budget: float
    """Tokens of the whole task; infinity where it has no limit."""
    curves: Mapping[str, StepCurve]
    """Cost and success against price, for every class of steps."""
    horizon: Horizon = field(default_factory=LearnedHorizon)
    mix: StepMix = field(default_factory=StepMix)
    pacing: Pacing = field(default_factory=Pacing)
    spent: float = 0.0
    done: int = 0
    """Finished steps."""

    def __post_init__(self) -> None:
        if not self.curves:
            raise ConfigurationError("pacing needs the curve of at least one class of steps")
        if not (self.budget >= 0.0 and 0.0 <= self.spent < inf and self.done >= 0):
            raise ConfigurationError(f"budget, spent and done must be >= 0: {self.budget}, {self.spent}, {self.done}")

    @property
    def remaining(self) -> float:
        """Tokens left, never below 0."""
        return max(0.0, self.budget - self.spent)

    def plan(self, kind: str, curve: StepCurve | None = None) -> Plan:
        """The price for the step that begins now; its own price is the first of `prices`.

        `curve` is what an estimator knows about this very step beyond its class `kind`. A class without a curve
        is taken to be like the mix of the others.
        """
        later = self.horizon.ahead(self.done) - 1.0
        shares = self.mix.shares(self.curves)
        now = curve or self.curves.get(kind) or _Mixture(shares, self.curves)
        ahead = [Work(self.curves[name], later * share) for name, share in shares.items() if later > 0.0]
        return self.pacing.solve([Work(now), *ahead], self.remaining)

    def after(self, kind: str, tokens: float) -> TaskPace:
        """The task once a step of class `kind` has ended and `tokens` were spent on it."""
        return replace(self, spent=self.spent + tokens, done=self.done + 1, mix=self.mix.saw(kind))


@dataclass(frozen=True, slots=True)
class _Mixture:
    """The average of curves."""

    shares: Mapping[str, float]
    curves: Mapping[str, StepCurve]

    def __call__(self, price: float) -> Expected:
        parts = [(share, self.curves[name](price)) for name, share in self.shares.items()]
        return Expected(sum(s * part.cost for s, part in parts), sum(s * part.success for s, part in parts))
