"""Whole price tables played at once: for each state of a vote whether to go on, looked up for all replays together.

The same decisions as `PriceRule` makes one by one (a test keeps that promise), for many tables in little time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.play import Play
from tts_agent.evaluation.trajectories import Bools, Ints, Trajectories
from tts_agent.population import Population
from tts_agent.stopping import Prices
from tts_agent.stopping.price_table import Structure, price_table

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Plan:
    """A setting: for each group of replays, the states in which one more sample is drawn. The first one always is."""

    label: str
    goes_on: Bools
    """(g, s) by group and id of the state."""
    choose: Callable[[Trajectories], Ints]
    """(Q, R) group of each replay, by its class, its text or what its first sample showed."""

    def play(self, replays: Trajectories) -> Play:
        return play_plan(replays, self.goes_on, self.choose(replays))


def play_plan(replays: Trajectories, goes_on: Bools, which: Ints) -> Play:
    """Draw one sample after the other for as long as the state says so.

    Args:
        goes_on: (g, s), see `Plan`.
        which: (Q, R) group of each replay.
    """
    questions, number, most = replays.shape
    drawn = np.minimum(1, replays.lengths)[:, None].repeat(number, axis=1)
    active = np.ones((questions, number), dtype=np.bool_)
    for n in range(1, most):
        active &= goes_on[which, replays.states[:, :, n]] & (n < replays.lengths)[:, None]
        drawn += active
    q, r = np.arange(questions)[:, None], np.arange(number)[None, :]
    cost = replays.cost[q, r, drawn]
    return Play(replays.leader_correct[q, r, drawn], drawn, cost, cost - replays.prompt_tokens * drawn)


def planned(replays: Trajectories, population: Population, prices: Sequence[float], most: int) -> Iterator[Bools]:
    """(s) whether the table under a population goes on in each state, for each price of a sample in turn."""
    for price in prices:
        table = price_table(population, most, Prices(price).rounded())
        at, inside = _places(replays, table.structure)
        yield np.asarray(inside & (table.batch[at] > 0))


def confidences(replays: Trajectories, population: Population, most: int) -> Floats:
    """(s) P(the leader is right) in each state, under a population."""
    table = price_table(population, most, Prices(0.0))
    at, _ = _places(replays, table.structure)
    return np.asarray(table.p_correct[at])


@lru_cache(maxsize=4)
def _places(replays: Trajectories, structure: Structure) -> tuple[Ints, Bools]:
    """(s) where each state stands in a table, and whether samples may be drawn after it: the same for all tables."""
    at = np.zeros(len(replays.table), dtype=np.int64)
    inside = np.zeros(len(replays.table), dtype=np.bool_)
    for number, (invalid, counts) in enumerate(replays.table):
        drawn = invalid + sum(counts)
        if drawn <= structure.horizon:
            at[number] = structure.place(counts, invalid)
            inside[number] = drawn < structure.horizon
    return at, inside
