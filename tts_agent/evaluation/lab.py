"""The replay lab: every contender on a bank or a stream, cross-fitted, compared at matched accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.banks import Bank, BankError
from tts_agent.evaluation.bootstrap import Bootstrap, interval
from tts_agent.evaluation.calibration import (
    Calibration,
    Fit,
    adaptive_consistency_score,
    beta_ewens,
    calibration,
)
from tts_agent.evaluation.contenders import AC_95, BASELINES, TUNED_AC, Contender
from tts_agent.evaluation.curves import TARGETS, accuracy_at, cost_at, targets
from tts_agent.evaluation.folds import DEFAULT_FOLDS, folds
from tts_agent.evaluation.limits import clairvoyant, coverage, modal_limit
from tts_agent.evaluation.sweeps import CrossFit, Sweep, cross_fit, sweep_of, training_sets
from tts_agent.evaluation.trajectories import Ints, Trajectories

Floats = NDArray[np.float64]

CLAIRVOYANT_PRICES = (0.0, *(10.0 ** (step / 4.0) for step in range(-22, -7)))
"""Per token; from 1/300,000 to 1/100 of a right answer."""

LEAST_VOTING = 0.5
"""Share of a bank's wrong samples that must have an answer; else the votes would give away what is right."""


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of a policy, on held-out questions."""

    label: str
    accuracy: float
    ci: tuple[float, float]
    """95 % interval of the accuracy, over questions."""
    samples: float
    total_tokens: float
    serial_tokens: float


@dataclass(frozen=True, slots=True)
class Matched:
    """What a policy costs at one target, with its knob tuned on training folds; per question."""

    target: str
    accuracy: float
    """To be reached: see `curves.targets`."""
    total_tokens: float
    """inf where the policy does not reach it."""
    hindsight_tokens: float
    """The same with the knob chosen on the held-out questions themselves: the sweep's upper envelope."""
    ratio: float
    """Tokens relative to tuned Adaptive-Consistency."""
    ci: tuple[float, float]
    """95 % interval of the ratio: paired bootstrap over questions."""
    to_clairvoyant: float
    """Share of the way from tuned Adaptive-Consistency to the clairvoyant stop; 1 would be clairvoyant."""


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What one policy did on one bank."""

    points: tuple[Point, ...]
    matched: tuple[Matched, ...]
    headroom: float
    """G: share of the gap in accuracy between fixed sizes and the clairvoyant stop that the policy closes, the mean
    over the costs at which fixed sizes reach the targets."""


@dataclass(frozen=True, slots=True)
class BankResult:
    """All policies on one bank, or on the mixed stream."""

    name: str
    questions: int
    samples: int
    """Most samples a question."""
    orderings: int
    single: float
    """Accuracy of one sample (no answer is wrong)."""
    full: float
    """Accuracy of a vote over all samples."""
    policies: dict[str, PolicyResult]
    clairvoyant: tuple[Point, ...]
    ece: dict[str, list[Calibration]]
    """Per belief."""
    coverage: dict[int, float]
    """pass@k over the recorded samples; empty for a stream."""
    modal_limit: float | None
    """None for a stream."""
    predictor: dict[str, Any] | None = None
    """The difficulty predictor's card, where one took part."""


BELIEFS: dict[str, Fit] = {"Beta-Ewens": beta_ewens, "Adaptive-Consistency": adaptive_consistency_score}


def check_votes(bank: Bank) -> None:
    """Refuse a bank whose answers were recorded for right samples only.

    Raises:
        BankError: it is one.
    """
    wrong = [sample for question in bank.questions for sample in question.samples if not sample.correct]
    voting = sum(sample.answer is not None for sample in wrong)
    if wrong and voting < LEAST_VOTING * len(wrong):
        raise BankError(
            f"{bank.name}: {len(wrong) - voting} of {len(wrong)} wrong samples have no answer, so a vote would be told "
            "what is right; this bank cannot be voted on"
        )


def evaluate(
    replays: Trajectories,
    *,
    name: str,
    contenders: Mapping[str, Contender] | None = None,
    beliefs: Mapping[str, Fit] | None = None,
    bank: Bank | None = None,
    fold: Ints | None = None,
    seed: int = 0,
    predictor: dict[str, Any] | None = None,
) -> BankResult:
    """Play all contenders on a bank's or a stream's trajectories.

    Args:
        contenders: beside the baselines (SC-k, Adaptive-Consistency tuned and at .95, ESC).
        beliefs: P(correct) whose calibration is measured beside the Beta-Ewens posterior's and AC's score.
        bank: for coverage and the modal limit.
        fold: (Q); by default five, grouped by text.
    """
    questions, number, samples = replays.shape
    fold = folds(replays.texts, min(DEFAULT_FOLDS, len(set(replays.texts))), seed=seed) if fold is None else fold
    competing, training = {**BASELINES, **(contenders or {})}, training_sets(replays, fold)
    fits = {each: cross_fit(each, how, replays, fold, training) for each, how in competing.items()}
    seer = sweep_of(
        "clairvoyant",
        [f"price={price:.2g}" for price in CLAIRVOYANT_PRICES],
        [clairvoyant(replays, price) for price in CLAIRVOYANT_PRICES],
    )
    boot = Bootstrap.of(questions, seed=seed)
    comparison = _Comparison(replays, fits, seer, boot)
    beliefs = {**BELIEFS, **(beliefs or {})}
    ks = sorted({k for k in (1, 2, 5, 10, 20, 40, 100) if k <= samples} | {samples})
    return BankResult(
        name,
        questions,
        samples,
        number,
        float(comparison.single.mean()),
        float(comparison.full.mean()),
        {each: comparison.result(each) for each in fits},
        _points(seer, boot),
        {each: calibration(replays, fit, fold) for each, fit in beliefs.items()},
        {k: coverage(bank, k) for k in ks} if bank else {},
        modal_limit(bank) if bank else None,
        predictor,
    )


class _Comparison:
    """Costs at matched accuracy, with the bootstrap replicates of what everybody is compared with."""

    def __init__(self, replays: Trajectories, fits: Mapping[str, CrossFit], seer: Sweep, boot: Bootstrap) -> None:
        self.single: Floats = replays.leader_correct[:, :, 1].mean(axis=1)
        self.full: Floats = replays.leader_correct[:, :, -1].mean(axis=1)
        self._fits, self._boot = fits, boot
        self._targets = targets(self.single.mean(), self.full.mean())
        self._target_replicates = targets(boot.means(self.single), boot.means(self.full))
        self._tuned = {name: _costs(fit.tuned, self._targets) for name, fit in fits.items()}
        self._seer = _costs(seer, self._targets)
        self._seer_sweep = seer
        self._reference = self._replicates(fits[TUNED_AC].tuned)

    def result(self, name: str) -> PolicyResult:
        fit = self._fits[name]
        tuned, reference, hindsight = self._tuned[name], self._tuned[TUNED_AC], _costs(fit.sweep, self._targets)
        low, high = interval(_ratio(self._replicates(fit.tuned), self._reference))
        ratio = _ratio(tuned, reference)
        way = _share(reference, tuned, self._seer)
        matched = tuple(
            Matched(
                target,
                float(self._targets[at]),
                float(tuned[at]),
                float(hindsight[at]),
                float(ratio[at]),
                (float(low[at]), float(high[at])),
                float(way[at]),
            )
            for at, target in enumerate(TARGETS)
        )
        return PolicyResult(_points(fit.sweep, self._boot), matched, self._headroom(fit))

    def _replicates(self, sweep: Sweep) -> Floats:
        """(B, 5) costs at the targets, in each replicate."""
        accuracy, cost = self._boot.means(sweep.accuracy), self._boot.means(sweep.total_tokens)
        columns = [cost_at(accuracy, cost, self._target_replicates[:, at]) for at in range(len(TARGETS))]
        return np.stack(columns, axis=1)

    def _headroom(self, fit: CrossFit) -> float:
        fixed = next(iter(self._fits.values())).sweep
        budgets = _costs(fixed, self._targets)
        uniform, mine, best = (_accuracies(sweep, budgets) for sweep in (fixed, fit.tuned, self._seer_sweep))
        shares = _share(uniform, mine, best)
        usable = np.isfinite(shares)
        return float(shares[usable].mean()) if usable.any() else float("nan")


def _means(sweep: Sweep) -> tuple[Floats, Floats]:
    return sweep.accuracy.mean(axis=1), sweep.total_tokens.mean(axis=1)


def _costs(sweep: Sweep, goals: Floats) -> Floats:
    return np.array([float(cost_at(*_means(sweep), goal)) for goal in goals])


def _accuracies(sweep: Sweep, budgets: Floats) -> Floats:
    return np.array([float(accuracy_at(*_means(sweep), budget)) for budget in budgets])


def _ratio(cost: Floats, reference: Floats) -> Floats:
    """inf where only the reference gets there, nan where neither does."""
    with np.errstate(invalid="ignore"):
        ratio: Floats = cost / np.where(np.isinf(reference) & np.isinf(cost), np.nan, reference)
    return ratio


def _share(start: Floats, here: Floats, end: Floats) -> Floats:
    """How far `here` is on the way from start to end; nan where there is no way."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share: Floats = np.where(np.isclose(start, end), np.nan, (here - start) / (end - start))
    return share


def _points(sweep: Sweep, boot: Bootstrap) -> tuple[Point, ...]:
    low, high = interval(boot.means(sweep.accuracy))
    rows: Sequence[Floats] = (sweep.accuracy, sweep.samples, sweep.total_tokens, sweep.serial_tokens)
    accuracy, samples, total, serial = (row.mean(axis=1).tolist() for row in rows)
    return tuple(
        Point(label, accuracy[s], (float(low[s]), float(high[s])), samples[s], total[s], serial[s])
        for s, label in enumerate(sweep.labels)
    )


__all__ = ["AC_95", "BankResult", "Matched", "Point", "PolicyResult", "check_votes", "evaluate"]
