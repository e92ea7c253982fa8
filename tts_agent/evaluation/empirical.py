"""A price table of raw counts: what the smoothed one is worth is measured against it.

Backward induction on the training replays themselves. A cell is (samples drawn, votes of the leader, votes of the
runner-up); what happened there in training is taken for what will happen. A cell that no training replay came
through is left: the rule stops there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.contenders import Setting
from tts_agent.evaluation.plans import Plan
from tts_agent.evaluation.priced import TOKEN_PRICES, Priced
from tts_agent.evaluation.trajectories import Bools, Ints, Trajectories

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Empirical:
    """A contender: a table of counts for each group of `Priced`, without any population."""

    groups: Priced = field(default_factory=Priced)

    def __call__(self, training: Trajectories) -> Sequence[Setting]:
        groups = self.groups.fit(training)
        chosen = groups.choose(training)
        last = len(groups.groups) - 1
        cells = [
            _cells(training, chosen == number if number < last else np.ones_like(chosen, dtype=np.bool_), group.tokens)
            for number, group in enumerate(groups.groups)
        ]
        goes_on = np.stack(cells)
        return [Plan(f"price={price:.2g}", goes_on[:, at], groups.choose) for at, price in enumerate(TOKEN_PRICES)]


def _cells(training: Trajectories, inside: Bools, tokens: float) -> Bools:
    """(prices, s) whether to go on in each state, by the replays (Q, R) of a group.

    Args:
        tokens: expected cost of a further sample.
    """
    cost = np.array(TOKEN_PRICES)[:, None] * tokens
    most = training.shape[2]
    goes_on = np.zeros((len(TOKEN_PRICES), len(training.table)), dtype=np.bool_)
    q, r = np.nonzero(inside)
    if not len(q):
        return goes_on
    cell_of_state, drawn_of_state = _cell_of_state(training.table, most)
    right, lengths = training.leader_correct[q, r].astype(np.float64), training.lengths[q]
    value = np.repeat(right[:, most][None, :], len(TOKEN_PRICES), axis=0)
    for n in range(most - 1, 0, -1):
        cells = cell_of_state[training.states[q, r, n]]
        more = lengths > n
        stop, seen = _means(right[None, :, n], cells, np.ones_like(more), most)
        ahead, _ = _means(value, cells, more, most)
        better = seen & (ahead - cost > stop + 1e-9)
        best = np.where(better, ahead - cost, stop)
        value = np.where(more[None, :], best[:, cells], right[None, :, n])
        mine = drawn_of_state == n
        goes_on[:, mine] = better[:, cell_of_state[mine]]
    return goes_on


def _cell_of_state(table: Sequence[tuple[int, tuple[int, ...]]], most: int) -> tuple[Ints, Ints]:
    """(s) each: number of the cell by leader and runner-up, and samples drawn."""
    tops = np.array([(*counts, 0, 0)[:2] for _, counts in table], dtype=np.int64)
    drawn = np.array([invalid + sum(counts) for invalid, counts in table], dtype=np.int64)
    return tops[:, 0] * (most + 1) + tops[:, 1], drawn


def _means(values: Floats, cells: Ints, counted: Bools, most: int) -> tuple[Floats, Bools]:
    """(p, cells) mean of values (p, replays) in each cell, and (cells) whether there are any; -inf without."""
    size = (most + 1) ** 2
    number = np.bincount(cells[counted], minlength=size)
    sums = np.stack([np.bincount(cells[counted], row[counted], minlength=size) for row in values])
    return np.where(number > 0, sums / np.maximum(number, 1), -np.inf), number > 0
