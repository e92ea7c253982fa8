"""Budgets of growing size as a knee: where another token stops paying, and where more compute hurts.

Every question was answered at every budget (a rung), so budgets are compared question by question. Which rung is best
is said with a confidence set: the rungs that no other one was shown to beat. Multiple comparisons with the best (Hsu,
Annals of Statistics 9, 1981), with the largest studentized difference bootstrapped over questions (Romano and Wolf,
Econometrica 73, 2005). It contains the best rung at least as often as it says, also where several are about as good,
where percentiles of a bootstrapped maximum do not.

Needs numpy; `import tts_agent` does not load this module.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tts_agent.exceptions import ConfigurationError

Floats = npt.NDArray[np.float64]

LEVEL = 0.95
ONE_SIDED = 1.645
"""Least critical value: that of a single comparison. Few questions that differ bootstrap to less."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One budget; intervals are 95 %, bootstrap over questions, paired with the rung before."""

    name: str
    accuracy: float
    low: float
    high: float
    tokens: float
    """Mean output tokens."""
    gain: float
    """Accuracy gained over the rung before; 0 for the first."""
    gain_low: float
    gain_high: float
    top: float
    """Share of resamples of the questions in which no other rung is more accurate; ties go to the cheaper."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which rung is best, by its number from the cheapest (0), and its 95 % interval."""

    best: int
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Knee:
    """The rungs in order of their tokens."""

    rungs: tuple[Rung, ...]
    fall: tuple[float, float, float]
    """Accuracy of the turn-over less that of the last rung, and its 95 % interval. The turn-over is chosen on the same
    questions, which flatters it a little: whether there is one says `turns_over`."""
    price: float
    """Price of a token, in correct answers, at which the knee is."""
    knee: Place
    """The largest budget that pays: that with the highest accuracy less price times tokens."""
    top: Place
    """The most accurate rung; ties go to the cheaper."""

    def at(self, price: float) -> Rung:
        """The rung with the highest accuracy less `price` (correct answers a token) times tokens; ties: the cheaper."""
        return max(self.rungs, key=lambda rung: (rung.accuracy - price * rung.tokens, -rung.tokens))

    @property
    def turn_over(self) -> Rung:
        """The most accurate rung: beyond it, more compute hurts or is wasted."""
        return self.rungs[self.top.best]

    @property
    def turns_over(self) -> bool:
        """Whether the dearest rung was shown to be less accurate than a cheaper one."""
        return self.top.high < len(self.rungs) - 1


def knee(names: Sequence[str], correct: Floats, tokens: Floats, *, price: float = 0.0, resamples: int = 2000) -> Knee:
    """The knee of budgets.

    Args:
        correct, tokens: (budgets, questions): share of right answers, and tokens that were spent.
        price: of a token, in correct answers.

    Raises:
        ConfigurationError: no budget or no question, or shapes that differ.
    """
    if correct.shape != tokens.shape or correct.ndim != 2 or not correct.size or len(names) != len(correct):
        raise ConfigurationError("a knee needs the same questions, at least one, at every budget")
    order = np.argsort(tokens.mean(axis=1), kind="stable")
    correct, tokens = correct[order], tokens[order]
    gains = np.diff(correct, axis=0, prepend=correct[:1])
    weights = _resampled(correct.shape[1], resamples)
    resampled = weights @ correct.T
    ends, gain_ends = _ends(resampled), _ends(weights @ gains.T)
    tops = np.bincount(resampled.argmax(axis=1), minlength=len(names)) / resamples
    accuracy = correct.mean(axis=1)
    best = int(accuracy.argmax())
    fall_ends = _ends(resampled[:, best] - resampled[:, -1])
    rungs = tuple(
        Rung(
            names[int(place)],
            float(accuracy[row]),
            float(ends[0][row]),
            float(ends[1][row]),
            float(tokens[row].mean()),
            float(gains[row].mean()),
            float(gain_ends[0][row]),
            float(gain_ends[1][row]),
            float(tops[row]),
        )
        for row, place in enumerate(order)
    )
    fall = (float(accuracy[best] - accuracy[-1]), float(fall_ends[0]), float(fall_ends[1]))
    return Knee(rungs, fall, price, _place(correct - price * tokens, weights), _place(correct, weights))


def best_set(values: Floats, *, resamples: int = 2000) -> tuple[int, ...]:
    """The rows of (choices, questions) that no other row was shown to beat on average: a 95 % confidence set."""
    return tuple(np.flatnonzero(_unbeaten(values, _resampled(values.shape[1], resamples))).tolist())


def _place(values: Floats, weights: Floats) -> Place:
    kept = np.flatnonzero(_unbeaten(values, weights))
    return Place(int(values.mean(axis=1).argmax()), int(kept[0]), int(kept[-1]))


def _unbeaten(values: Floats, weights: Floats) -> npt.NDArray[np.bool_]:
    """Which rows stay: each is tested against all others at once.

    A standard error is taken as if one question more had differed: where none did, nothing is certain yet.
    """
    rows, number = values.shape
    kept = np.ones(rows, dtype=np.bool_)
    means = weights @ values.T
    for row in range(rows):
        differences = values - values[row]
        mean = differences.mean(axis=1)
        error = np.sqrt((differences.var(axis=1) + 1.0 / number) / number)
        shifts = (means - means[:, row : row + 1] - mean) / error
        critical = max(ONE_SIDED, float(np.quantile(shifts.max(axis=1), LEVEL)))
        kept[row] = bool((mean / error).max() <= critical)
    return kept


def _resampled(number: int, resamples: int) -> Floats:
    """(resamples, questions) weights that sum to 1."""
    weights: Floats = np.random.default_rng(0).multinomial(number, np.full(number, 1.0 / number), resamples) / number
    return weights


def _ends(resampled: Floats) -> Floats:
    """The 95 % interval of each column, ends first."""
    ends: Floats = np.quantile(resampled, [0.025, 0.975], axis=0)
    return ends
