"""A ladder of thinking budgets as a knee: where another token stops paying, and where more compute hurts.

Every question was answered at every budget, so budgets are compared question by question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_agent.evaluation.banks import RecordedSample
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.arms import Floats


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
class Knee:
    """The rungs in order of their tokens."""

    rungs: tuple[Rung, ...]
    fall: tuple[float, float, float]
    """Accuracy of the turn-over less that of the last rung, and its 95 % interval: a turn-over is found where the
    interval is above 0. The turn-over is chosen on the same questions, which flatters it a little."""

    def at(self, price: float) -> Rung:
        """The rung with the highest accuracy less `price` (correct answers a token) times tokens; ties: the cheaper."""
        return max(self.rungs, key=lambda rung: (rung.accuracy - price * rung.tokens, -rung.tokens))

    @property
    def turn_over(self) -> Rung:
        """The most accurate rung: beyond it, more compute hurts or is wasted."""
        return self.at(0.0)


def knee_of(budgets: Sequence[tuple[str, Sequence[RecordedSample]]], *, resamples: int = 2000) -> Knee:
    """The knee of budgets, each with one sample a question in the same order of questions.

    Raises:
        ConfigurationError: there is no budget, a sample has no tokens, or budgets differ in their questions.
    """
    if not budgets or len({len(samples) for _, samples in budgets}) != 1 or not budgets[0][1]:
        raise ConfigurationError("a ladder of budgets needs the same questions, at least one, at every budget")
    if any(sample.tokens is None for _, samples in budgets for sample in samples):
        raise ConfigurationError("a ladder of budgets needs the tokens of every sample")
    correct = np.array([[float(sample.correct) for sample in samples] for _, samples in budgets])
    tokens = np.array([[float(sample.tokens or 0) for sample in samples] for _, samples in budgets])
    return knee([name for name, _ in budgets], correct, tokens, resamples=resamples)


def knee(names: Sequence[str], correct: Floats, tokens: Floats, *, resamples: int = 2000) -> Knee:
    """The knee of budgets from (budgets, questions): share of right answers and mean output tokens."""
    order = np.argsort(tokens.mean(axis=1), kind="stable")
    correct, tokens = correct[order], tokens[order]
    gains = np.diff(correct, axis=0, prepend=correct[:1])
    rng = np.random.default_rng(0)
    number = correct.shape[1]
    weights = rng.multinomial(number, np.full(number, 1.0 / number), size=resamples) / number
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
    return Knee(rungs, (float(accuracy[best] - accuracy[-1]), float(fall_ends[0]), float(fall_ends[1])))


def _ends(resampled: Floats) -> Floats:
    """The 95 % interval of each column, ends first."""
    ends: Floats = np.quantile(resampled, [0.025, 0.975], axis=0)
    return ends
