"""Replaying refinement with feedback: are fix rates predicted, and does the price rule stop at the right turn?

Cross-fitted: every task is judged by fix rates and turn costs fitted to the other folds, over several random
splits. Reported against the recorded process itself, and against the best fixed number of turns at each price
chosen with hindsight on the very tasks it is scored on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.replay_sampler import PROMPT_TOKENS
from tts_agent.evaluation.turns import SIGNALS, TurnBank, TurnTask
from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.fix_rates import FixRates, RoundCounts
from tts_agent.stopping.refinement import Refinement
from tts_agent.stopping.signalled_refinement import SignalledRefinement, SignalRates

Floats = NDArray[np.float64]

FEEDBACK_TOKENS = 40
"""Tokens of one environment's reply, which the recorded turns leave out."""

LINE_WEIGHT = 5.0

PRICES = (0.003, 0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3)
"""Prices of one average turn, in units of a solved task."""


@dataclass(frozen=True, slots=True)
class PricePoint:
    """One price."""

    price: float
    """Of an average turn, in units of a solved task."""
    ours: float
    """Solved less priced cost per task, by the rule fitted to other tasks."""
    ours_turns: float
    """Mean turns at which the rule gives up."""
    learned: float
    """The same value, by the fixed number of turns that was best on the other tasks: what tuning would bring."""
    signalled: float
    """The same value, by the rule that also looks at what the last turn was like (see `TurnTask.signals`)."""
    best: float
    """The same value, by the best fixed number of turns with hindsight."""
    best_turns: int
    solved: float
    """Share solved by the rule."""

    @property
    def lost(self) -> float:
        """Share of the best value that the rule misses (0 where there is nothing to gain)."""
        return max(0.0, self.best - self.ours) / self.best if self.best > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class RefinementReplay:
    """One bank. By turn: index 0 is the first attempt."""

    name: str
    tasks: int
    unit: str
    """What a turn's cost is counted in: tokens, seconds or turns."""
    observed: tuple[float, ...]
    """Share solved by each turn (Kaplan-Meier, where runs broke off)."""
    predicted: tuple[float, ...]
    """The same, predicted out of fold, averaged over tasks and splits."""
    single_rate: tuple[float, ...]
    """The same, by one fix rate for all turns."""
    log_losses: tuple[float, float]
    """Out-of-fold log loss per task of when it is solved: fitted rates, and one rate."""
    points: tuple[PricePoint, ...]
    told: bool
    """Whether turns give signals; without them the rule that looks at them is the plain one."""

    @property
    def error(self) -> float:
        """Largest error of the predicted share solved, over turns."""
        return max(abs(a - b) for a, b in zip(self.observed, self.predicted, strict=True))

    @property
    def single_error(self) -> float:
        """The same of one rate for all turns."""
        return max(abs(a - b) for a, b in zip(self.observed, self.single_rate, strict=True))

    @property
    def lost(self) -> float:
        """The largest share of the best value missed at any price."""
        return max(point.lost for point in self.points)

    @property
    def regret(self) -> float:
        """The largest value missed at any price, in solved tasks: meaningful where the best value is near 0, too."""
        return max(point.best - point.ours for point in self.points)

    @property
    def signalled_lost(self) -> float:
        """The largest share of the best value missed at any price by the rule that looks at signals."""
        return max(max(0.0, 1.0 - point.signalled / point.best) if point.best > 0.0 else 0.0 for point in self.points)

    @property
    def passed(self) -> bool:
        """Solved-by-turn within .03 out of fold, and within 10 % of the best fixed number at every price."""
        return self.error <= 0.03 and self.lost <= 0.1


def replay_refinement(
    bank: TurnBank, *, repeats: int = 20, folds: int = 5, seed: int = 0, prices: Sequence[float] = PRICES
) -> RefinementReplay:
    """Replay one bank of at least `folds` tasks and two turns.

    Raises:
        ConfigurationError: the bank is too small.
    """
    tasks, turns = bank.tasks, bank.longest
    if len(tasks) < folds or folds < 2 or repeats < 1 or turns < 2:
        raise ConfigurationError(f"{bank.name}: {len(tasks)} tasks of {turns} turns cannot be split in {folds} folds")
    unit, costs = _costs(tasks, turns)
    won_by, spent_by = _outcomes(tasks, costs)
    average = float(np.nanmean(costs))
    random = np.random.default_rng(seed)
    predicted, single, losses = np.zeros(turns), np.zeros(turns), np.zeros(2)
    earned, tuned, told, stopped, won = (np.zeros(len(prices)) for _ in range(5))
    signals = _signals(tasks, turns)
    for _ in range(repeats):
        order = random.permutation(len(tasks))
        for fold in range(folds):
            test, train = order[fold::folds], np.delete(order, np.s_[fold::folds])
            counts = RoundCounts.of(tasks[i].right for i in train)
            rates = FixRates.fit(counts)
            one = (counts.right + sum(counts.fixed) + 0.5) / (counts.attempts + sum(counts.at_risk) + 1.0)
            share = len(test) / (len(tasks) * repeats)
            predicted += share * np.array(rates.solved(turns))
            single += share * (1.0 - (1.0 - one) ** np.arange(1, turns + 1))
            by_turn = (rates.attempt, *rates.rates(turns - 1))
            held_out = [tasks[i].right for i in test]
            losses += share * np.array([_log_loss(held_out, by_turn), _log_loss(held_out, (one,) * turns)])
            expected = _turn_costs(costs[train])
            rounds = [list(zip(tasks[i].right, tasks[i].signals, strict=True)) for i in train]
            after = SignalRates.fit(rounds, by_turn, SIGNALS)
            gained, spent = won_by[train].mean(axis=0), spent_by[train].mean(axis=0)
            for k, price in enumerate(np.array(prices) / average):
                most = turns_of(Refinement(by_turn, tuple(price * expected)))
                values = (won_by[test] - price * spent_by[test]).mean(axis=0)
                earned[k] += share * values[most]
                looks = SignalledRefinement(after, tuple(price * expected))
                told[k] += share * _play(looks, price, won_by[test], costs[test], signals[test])
                tuned[k] += share * values[int(np.argmax(gained - price * spent))]
                won[k] += share * won_by[test, most].mean()
                stopped[k] += share * most
    points = []
    for k, price in enumerate(prices):
        fixed = (won_by - price / average * spent_by).mean(axis=0)
        best = int(np.argmax(fixed))
        points.append(
            PricePoint(
                price,
                float(earned[k]),
                float(stopped[k]),
                float(tuned[k]),
                float(told[k]),
                float(fixed[best]),
                best,
                float(won[k]),
            )
        )
    return RefinementReplay(
        bank.name,
        len(tasks),
        unit,
        tuple(_kaplan_meier(RoundCounts.of(task.right for task in tasks))),
        tuple(map(float, predicted)),
        tuple(map(float, single)),
        (float(losses[0]), float(losses[1])),
        tuple(points),
        bool(signals.any()),
    )


def turns_of(rule: Refinement) -> int:
    """Turns that the rule makes, asked after each one, when none of them succeeds."""
    made = 0
    while rule.still_needed(made):
        made += 1
    return made


def _costs(tasks: Sequence[TurnTask], turns: int) -> tuple[str, Floats]:
    """What each turn cost, shape (tasks, turns); nan after the record's end."""
    costs = np.full((len(tasks), turns), np.nan)
    known = [turn for task in tasks for turn in task.turns]
    if all(turn.tokens is not None for turn in known):
        unit = "tokens"
    elif all(turn.seconds is not None for turn in known):
        unit = "seconds"
    else:
        unit = "turns"
    for row, task in enumerate(tasks):
        prompt = PROMPT_TOKENS if task.question is None else round(len(task.question) / 4)
        history = 0
        for t, turn in enumerate(task.turns):
            if unit == "tokens":
                own = turn.tokens or 0
                costs[row, t] = prompt + history + own
                history += own + FEEDBACK_TOKENS  # the next turn reads what was said before
            else:
                costs[row, t] = (turn.seconds or 0.0) if unit == "seconds" else 1.0
    return unit, costs


def _turn_costs(costs: Floats) -> Floats:
    """Expected cost of each turn: the mean of those that came so far, shrunk to a straight line through the means.

    The line is worth `LINE_WEIGHT` tasks; contexts grow about linearly.
    """
    seen = np.sum(~np.isnan(costs), axis=0)
    turn = np.arange(costs.shape[1])
    there = seen > 0
    totals = np.nansum(costs, axis=0)
    means = totals[there] / seen[there]
    if there.sum() < 2:
        return np.full(costs.shape[1], means[0])
    slope, start = np.polyfit(turn[there], means, 1, w=np.sqrt(seen[there]))
    line = np.maximum(start + slope * turn, 0.0)
    shrunk: Floats = (totals + LINE_WEIGHT * line) / (seen + LINE_WEIGHT)
    return shrunk


def _outcomes(tasks: Sequence[TurnTask], costs: Floats) -> tuple[Floats, Floats]:
    """Whether each task is solved, and what it cost, when it goes on to success or for n turns: (tasks, turns + 1).

    A run that broke off costs nothing after its end, for every rule alike.
    """
    turns = costs.shape[1]
    right = np.zeros((len(tasks), turns + 1), dtype=bool)
    for row, task in enumerate(tasks):
        right[row, 1 : 1 + len(task.turns)] = task.right
    won = np.maximum.accumulate(right, axis=1)
    due = np.where(won[:, :-1], 0.0, np.nan_to_num(costs))  # a turn is made if none before it was right
    spent = np.concatenate([np.zeros((len(tasks), 1)), np.cumsum(due, axis=1)], axis=1)
    return won.astype(np.float64), spent


def _signals(tasks: Sequence[TurnTask], turns: int) -> NDArray[np.intp]:
    """The signal known before each turn, 0 before the first: (tasks, turns)."""
    known = np.zeros((len(tasks), turns + 1), dtype=np.intp)
    for row, task in enumerate(tasks):
        known[row, 1 : 1 + len(task.turns)] = task.signals
    return known[:, :-1]


def _play(rule: SignalledRefinement, price: float, won_by: Floats, costs: Floats, signals: NDArray[np.intp]) -> float:
    """Solved less priced cost per task under a rule that is asked before every turn; runs break off for free."""
    going = np.ones(len(costs), dtype=bool)
    value = 0.0
    for t in range(costs.shape[1]):
        go_on = np.array([rule.still_needed(t, signal) for signal in range(SIGNALS)], dtype=bool)
        going &= go_on[signals[:, t]] & ~np.isnan(costs[:, t])
        solved = going & (won_by[:, t + 1] > won_by[:, t])
        value += float(solved.sum() - price * costs[going, t].sum())
        going &= ~solved
    return value / len(costs)


def _log_loss(held_out: Sequence[Sequence[bool]], by_turn: Sequence[float]) -> float:
    """Nats per task: -ln P(what happened in its turns up to the first success)."""
    loss = 0.0
    for right in held_out:
        for t, success in enumerate(right):
            loss -= log(max(by_turn[t] if success else 1.0 - by_turn[t], 1e-12))
            if success:
                break
    return loss / len(held_out)


def _kaplan_meier(counts: RoundCounts) -> list[float]:
    wrong = 1.0
    shares = []
    hazards = zip((counts.right, *counts.fixed), (counts.attempts, *counts.at_risk), strict=True)
    for fixed, at_risk in hazards:
        wrong *= 1.0 - (fixed / at_risk if at_risk else 0.0)
        shares.append(1.0 - wrong)
    return shares
