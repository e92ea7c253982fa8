"""What each strategy would be worth on all steps of a class, from records of explored decisions.

The average outcome of the steps that got a strategy is biased: the policy chose them. Weighting each by one over the
probability that it got the strategy removes that (inverse propensity: Horvitz and Thompson, 1952). The doubly robust
estimate (Robins, Rotnitzky and Zhao, 1994; Dudik, Langford and Li, arXiv 1103.4601) adds a guess from the belief
about the step, fitted on the other half of the records, and weights only its error: unbiased too, and narrower.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.record_file import Record

Floats = npt.NDArray[np.float64]
Method = Literal["inverse_propensity", "doubly_robust"]
_BINS = 5
"""Of the believed pass@1, equally wide."""


@dataclass(frozen=True, slots=True)
class Explored:
    """One decision with a known outcome."""

    arm: str
    propensities: dict[str, float]
    reward: float
    """1 for a correct step and 0 for a wrong one; less the price of its tokens, if that is to count."""
    belief: float | None = None
    """Mean of the belief about pass@1."""


@dataclass(frozen=True, slots=True)
class Gain:
    """How much better an arm would be than the reference, on all steps of the class."""

    arm: str
    gain: float
    low: float
    high: float
    """Ends of the interval, by the normal approximation: of little worth below some ten records of the arm."""
    taken: int
    """Records in which the arm was taken."""


def explored(records: Iterable[Record], kind: str, *, price: float = 0.0) -> list[Explored]:
    """The records of a class that have propensities and an outcome; tokens are priced in correct answers each."""
    return [
        Explored(
            record.strategy,
            record.propensities,
            float(record.correct) - price * record.tokens,
            record.belief[0] / sum(record.belief) if record.belief else None,
        )
        for record in records
        if record.kind == kind and record.propensities and record.correct is not None
    ]


def gains(
    steps: Sequence[Explored],
    reference: str,
    *,
    method: Method = "doubly_robust",
    confidence: float = 0.95,
) -> list[Gain]:
    """The gain of each arm over the reference, for the arms that every one of the steps might have got.

    Steps must be independent: of the steps of one task, which share its outcome, take one.

    Raises:
        ConfigurationError: fewer than two steps, or the reference was impossible in some of them.
    """
    if len(steps) < 2:
        raise ConfigurationError(f"{len(steps)} explored steps with an outcome: gains need two at the very least")
    possible = [arm for arm in steps[0].propensities if all(step.propensities.get(arm, 0.0) > 0.0 for step in steps)]
    if reference not in possible:
        raise ConfigurationError(
            f"{reference!r} was not possible in every step; what was: {', '.join(possible) or '-'}"
        )
    width = NormalDist().inv_cdf(0.5 + confidence / 2.0) / len(steps) ** 0.5
    base = _values(steps, reference, method)
    found = []
    for arm in possible:
        if arm != reference:
            difference = _values(steps, arm, method) - base
            gain, half = float(difference.mean()), width * float(difference.std(ddof=1))
            found.append(Gain(arm, gain, gain - half, gain + half, sum(step.arm == arm for step in steps)))
    return found


def _values(steps: Sequence[Explored], arm: str, method: Method) -> Floats:
    """(steps,): unbiased for the arm's reward at each step."""
    taken = np.array([step.arm == arm for step in steps])
    chance = np.array([step.propensities[arm] for step in steps])
    reward = np.array([step.reward for step in steps])
    guess = _guesses(steps, taken, reward) if method == "doubly_robust" else np.zeros(len(steps))
    return np.asarray(guess + taken / chance * (reward - guess))


def _guesses(steps: Sequence[Explored], taken: npt.NDArray[np.bool_], reward: Floats) -> Floats:
    """(steps,): the mean reward of the arm in the step's bin of belief, in the half of the steps it is not in; drawn to
    the mean over the bins as by two steps."""
    beliefs = np.array([0.5 if step.belief is None else step.belief for step in steps])
    bins = np.minimum((beliefs * _BINS).astype(np.int64), _BINS - 1)
    half = np.arange(len(steps)) % 2
    guess = np.zeros(len(steps))
    for side in (0, 1):
        known = taken & (half != side)
        mean = float(reward[known].mean()) if known.any() else 0.0
        for place in np.unique(bins):
            there = known & (bins == place)
            guess[(half == side) & (bins == place)] = (reward[there].sum() + 2.0 * mean) / (there.sum() + 2.0)
    return guess
