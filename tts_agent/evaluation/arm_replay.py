"""Replays arms on recorded samples: our policy and its rivals, cross-fitted, on the same orderings.

Questions are split into folds, samples of a question into halves: whatever is learned is learned on one half of the
samples of the training questions and judged on the other half of the held-out ones. (An arm that was sampled once has
no halves; there the questions alone are held out.)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from tts_agent.evaluation.arm_ladder import Curve, Ladder, Split
from tts_agent.evaluation.arm_walk import Walk, length_bin
from tts_agent.routing.arm_fitting import ArmFit, ArmRecords, Ints
from tts_agent.routing.arms import Floats

SHARES = np.linspace(0.0, 1.0, 11)
"""Shares of questions that a router sends upwards."""


@dataclass(frozen=True, slots=True)
class ArmReplay:
    """How the lab replays arms."""

    splits: int = 20
    folds: int = 5
    prices: tuple[float, ...] = (0.0, *(float(price) for price in np.geomspace(0.002, 0.5, 11)))
    """Prices at which ours is tried, in correct answers for one average call of the dearest arm."""
    fit: ArmFit = field(default_factory=ArmFit)
    max_draws: int = 3
    context_bins: int = 5
    context_ridge: float = 100.0
    least_skill: float = 0.01
    """A signal counts if it explains this share of the variance of questions that it was not learned from."""

    def __call__(self, ladder: Ladder) -> dict[str, Curve]:
        """The curves of every contender; "fixed" has one setting an arm, in order."""
        records = ladder.records
        known = np.isfinite(records.correct)
        prices = np.array(self.prices) / float(np.nanmean(records.costs[:, -1]))
        sums: dict[str, tuple[Floats, Floats]] = {}
        for seed in range(self.splits):
            found = self._split(ladder, prices, Split.draw(known, self.folds, seed))
            for name, (correct, costs) in found.items():
                old = sums.get(name, (np.zeros_like(correct), np.zeros_like(costs)))
                sums[name] = (old[0] + correct / self.splits, old[1] + costs / self.splits)
        return {name: Curve(correct, costs) for name, (correct, costs) in sums.items()}

    def _split(self, ladder: Ladder, prices: Floats, split: Split) -> dict[str, tuple[Floats, Floats]]:
        fold, train, test, order = split.fold, split.train, split.test, split.order
        records, total = ladder.records, len(fold)
        mean_correct, mean_costs = _mean(records.correct, test), _mean(records.costs, test)
        ours = (np.zeros((len(prices), total)), np.zeros((len(prices), total)))
        most = min(self.max_draws, int(test.sum(axis=2).min()))
        predicted = np.full(total, np.nan)  # pass rate of the cheapest arm, before any call
        hard = np.full(total, np.nan)  # P(the cheapest arm's reply is wrong), after it
        for out in range(self.folds):
            inside, held = np.flatnonzero(fold != out), np.flatnonzero(fold == out)
            learned = records.subset(inside, train)
            if ladder.features is not None:
                context, predicted[held] = self._context(learned, ladder.features[inside], ladder.features[held])
                learned = replace(learned, context=context[: len(inside)])
            else:
                context = np.zeros((total, 0), np.int64)
            model = self.fit(ladder.arms, learned)
            walk = Walk(model, prices, most)
            for place, question in enumerate(held):
                row = tuple(map(int, context[len(inside) + place])) if ladder.features is not None else ()
                walk(ladder, int(question), split, row, ours)
                first = order[question, 0, 0]
                hard[question] = walk.doubt(length_bin(model, 0, records.lengths[question, 0, first]), row)
        found = {"fixed": (mean_correct.T, mean_costs.T), "ours": ours}
        firsts = np.take_along_axis(records.correct, order, axis=2)[:, :, 0]
        paid = np.take_along_axis(records.costs, order, axis=2)[:, :, 0]
        lengths = np.take_along_axis(records.lengths, order, axis=2)[:, 0, 0]
        if ladder.prompt is not None:
            found["length router"] = _routed(ladder.prompt, firsts, paid, probe=False)
        if np.isfinite(lengths).all():
            found["first-length cascade"] = _routed(lengths, firsts, paid, probe=True)
        if ladder.features is not None:
            found["difficulty router"] = _routed(-predicted, firsts, paid, probe=False)
        found["difficulty cascade"] = _routed(hard, firsts, paid, probe=True)
        if not (train & test).any():
            oracle = _mean(records.correct, train), _mean(records.costs, train)
            found["split-half oracle"] = _oracle(oracle, (mean_correct, mean_costs), prices)
        return found

    def _context(self, learned: ArmRecords, inside: Floats, held: Floats) -> tuple[Ints, Floats]:
        """Signals from features: binned predictions of the cheapest arm's pass rate and of the dearest one's gain.

        Those of training questions come from leaving each out, in closed form, so that they are as good as those of
        held-out ones. Returns (inside + held, 2) and the predicted pass rates of `held`.
        """
        rates = np.nanmean(learned.correct, axis=2)
        target = np.stack([rates[:, 0], rates[:, -1] - rates[:, 0]], axis=1)
        center, mean = inside.mean(axis=0), target.mean(axis=0)
        x, y = inside - center, target - mean
        gram = np.linalg.inv(x.T @ x + self.context_ridge * np.eye(x.shape[1]))
        leverage = ((x @ gram) * x).sum(axis=1) + 1.0 / len(x)
        beta = gram @ x.T @ y
        fitted = x @ beta
        left_out = y - (y - fitted) / (1.0 - leverage)[:, None]
        outside = (held - center) @ beta
        skill = 1.0 - (left_out - y).var(axis=0) / y.var(axis=0).clip(1e-12)
        useless = skill < self.least_skill
        left_out[:, useless], outside[:, useless] = 0.0, 0.0
        cuts = np.quantile(left_out, np.arange(1, self.context_bins) / self.context_bins, axis=0)
        both = np.concatenate([left_out, outside])
        bins = np.stack([np.searchsorted(cuts[:, k], both[:, k]) for k in range(2)], axis=1)
        bins[:, useless] = 0
        return bins, (held - center) @ beta[:, 0] + mean[0]


def _routed(score: Floats, correct: Floats, costs: Floats, *, probe: bool) -> tuple[Floats, Floats]:
    """Sends the share of questions with the highest score to a dearer arm, for every pair of arms and every share.

    With `probe` the cheapest arm has been called and paid for everybody, and only pairs with it are tried.
    """
    upwards = np.argsort(np.argsort(-score, kind="stable"), kind="stable") / len(score)
    right, paid = [], []
    arms = range(correct.shape[1])
    for low, high in [(i, j) for i in arms for j in arms if i < j and (i == 0 or not probe)]:
        for share in SHARES:
            up = upwards < share
            right.append(np.where(up, correct[:, high], correct[:, low]))
            paid.append(np.where(up, costs[:, high] + (costs[:, low] if probe else 0.0), costs[:, low]))
    return np.array(right), np.array(paid)


def _oracle(known: tuple[Floats, Floats], judged: tuple[Floats, Floats], prices: Floats) -> tuple[Floats, Floats]:
    """A limit, not a policy: the best arm of each question by one half of its own samples, judged on the other.

    Pass rates and costs (Q, A); an arm's rate over all questions counts as one more sample of four.
    """
    rates = (4.0 * known[0] + known[0].mean(axis=0)) / 5.0
    arms = (rates[None] - prices[:, None, None] * known[1][None]).argmax(axis=2)
    rows = np.arange(len(rates))
    return judged[0][rows, arms], judged[1][rows, arms]


def _mean(array: Floats, keep: npt.NDArray[np.bool_]) -> Floats:
    means: Floats = np.nanmean(np.where(keep, array, np.nan), axis=2)
    return means
