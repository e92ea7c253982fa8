"""Replaying revision without feedback: a ladder of budgets as a chain that fixes some answers and breaks others.

Cross-fitted like `turns_refinement`: fix rates of every rung and one break rate from the other folds, applied to
the accuracy of the first rung; and the rung that `Refinement.blind` stops at, against every rung with hindsight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tts_agent.evaluation.turns import TurnBank, TurnTask
from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.fix_rates import FixRates, RoundCounts
from tts_agent.stopping.refinement import Refinement, advance, limit

PRICES = (0.0, 1e-6, 3e-6, 1e-5, 3e-5, 1e-4)
"""Prices of a token, in units of a right answer."""


@dataclass(frozen=True, slots=True)
class BlindPoint:
    """One price of a token."""

    price: float
    ours: float
    """Right answers less priced tokens per task, at the rung planned on other tasks."""
    rung: float
    """Mean rung, 0 for the first."""
    best: float
    """The same value at the best rung, chosen with hindsight."""
    best_rung: int


@dataclass(frozen=True, slots=True)
class BlindReplay:
    """One ladder."""

    name: str
    tasks: int
    observed: tuple[float, ...]
    """Accuracy of each rung."""
    predicted: tuple[float, ...]
    """The same by the chain, out of fold."""
    tokens: tuple[float, ...]
    """Mean tokens of each rung."""
    fix: float
    """P(a wrong answer is right one rung further), over all rungs."""
    breaks: float
    """P(a right answer is wrong one rung further)."""
    points: tuple[BlindPoint, ...]

    @property
    def error(self) -> float:
        """Largest error of the predicted accuracy."""
        return max(abs(a - b) for a, b in zip(self.observed, self.predicted, strict=True))

    @property
    def limit(self) -> float:
        """The accuracy that further rungs lead to."""
        return limit(self.fix, self.breaks)

    @property
    def lost(self) -> float:
        """The largest share of the best value missed at any price."""
        return max((point.best - point.ours) / point.best if point.best > 0.0 else 0.0 for point in self.points)

    @property
    def passed(self) -> bool:
        """Accuracy by rung within .03 out of fold, and within 10 % of the best rung at every price."""
        return self.error <= 0.03 and self.lost <= 0.1


def replay_blind(
    bank: TurnBank, *, skip: int = 0, repeats: int = 20, folds: int = 5, seed: int = 0, prices: Sequence[float] = PRICES
) -> BlindReplay:
    """Replay a ladder without its first `skip` rungs; tasks that lack a rung or its token count are left out.

    Raises:
        ConfigurationError: fewer tasks than folds, or fewer than two rungs.
    """
    rungs = bank.longest - skip
    tasks = [TurnTask(task.id, task.turns[skip:]) for task in bank.tasks if len(task.turns) == bank.longest]
    tasks = [task for task in tasks if all(turn.tokens is not None for turn in task.turns)]
    if len(tasks) < folds or folds < 2 or rungs < 2:
        raise ConfigurationError(f"{bank.name}: {len(tasks)} tasks of {rungs} rungs cannot be split in {folds} folds")
    right = np.array([task.right for task in tasks], dtype=np.float64)
    tokens = np.array([[turn.tokens for turn in task.turns] for task in tasks], dtype=np.float64)
    random = np.random.default_rng(seed)
    predicted, earned, reached = np.zeros(rungs), np.zeros(len(prices)), np.zeros(len(prices))
    for _ in range(repeats):
        order = random.permutation(len(tasks))
        for fold in range(folds):
            test, train = order[fold::folds], np.delete(order, np.s_[fold::folds])
            rates = FixRates.fit(RoundCounts.of(tasks[i].right for i in train))
            share = len(test) / (len(tasks) * repeats)
            p = rates.attempt
            for rung, fix in enumerate((0.0, *rates.rates(rungs - 1))):
                p = advance(p, fix, rates.breaks) if rung else p
                predicted[rung] += share * p
            steps = np.maximum(np.diff(tokens[train].mean(axis=0)), 0.0)
            for k, price in enumerate(prices):
                plan = Refinement(rates.rates(rungs - 1), tuple(price * steps), rates.breaks).blind(rates.attempt)
                earned[k] += share * float((right[test, plan.most] - price * tokens[test, plan.most]).mean())
                reached[k] += share * plan.most
    counts = RoundCounts.of(task.right for task in tasks)
    points = []
    for k, price in enumerate(prices):
        values = (right - price * tokens).mean(axis=0)
        best = int(np.argmax(values))
        points.append(BlindPoint(price, float(earned[k]), float(reached[k]), float(values[best]), best))
    return BlindReplay(
        bank.name,
        len(tasks),
        tuple(map(float, right.mean(axis=0))),
        tuple(map(float, predicted)),
        tuple(map(float, tokens.mean(axis=0))),
        sum(counts.fixed) / max(1, sum(counts.at_risk)),
        counts.broken / max(1, counts.broken + counts.kept),
        tuple(points),
    )
