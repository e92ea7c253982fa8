"""Price tables: backward induction over the states of a vote, under a population of questions.

    V_n(s) = max( q(s), escape, max over m in {1, 2, 4, 8} of E[V_n+m(s')] - price of m samples )

A state is the votes of the three most common answers, how many further votes are scattered, and how many
samples could not vote; the further answers are taken as singletons, which costs nothing measurable against whole
partitions. q(s) is P(leader is right). Samples are exchangeable, so the probability that the next vote goes to
an answer is the ratio of two states' likelihoods: one number per state holds everything that the induction needs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from tts_agent.population import Population
from tts_agent.population.components import Floats, Ints
from tts_agent.stopping.prices import Prices
from tts_agent.voting import Tally

BATCHES = (1, 2, 4, 8)

_MOST_INVALID = 8
"""From here on, further samples that cannot vote teach nothing: they only cost."""
_ROWS = 4096

State = tuple[int, int, int, int]
"""Votes of the leader, the second and the third, and scattered votes."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What the table says about a state."""

    p_correct: float
    """P(the leader is right)."""
    value: float
    """Expected value under the best plan from here on, net of prices."""
    batch: int
    """Samples to draw now, together; 0 to stop."""
    escapes: bool
    """Whether to stop and give the step to something else."""


@dataclass(frozen=True, eq=False)
class PriceTable:
    """The best plan in every state; arrays are (s, i) for s vote states and 0 to i - 1 invalid samples."""

    index: dict[State, int]
    p_correct: Floats
    value: Floats
    batch: Ints
    escape: float

    def advice(self, tally: Tally) -> Advice:
        """Look up a vote of at most as many samples as the table's horizon."""
        at = self.index[state_of(tally.counts.values())], min(tally.invalid, self.batch.shape[1] - 1)
        p_correct, batch = self.p_correct.item(at), self.batch.item(at)
        return Advice(p_correct, self.value.item(at), batch, batch == 0 and self.escape > p_correct)


def state_of(counts: Iterable[int]) -> State:
    """The state of votes per answer, largest first."""
    first, second, third, *rest = (*counts, 0, 0, 0)
    return first, second, third, sum(rest)


@lru_cache(maxsize=512)
def price_table(population: Population, horizon: int, prices: Prices) -> PriceTable:
    """The best plan for at most ``horizon`` samples, voting or not."""
    process = _process(population, horizon)
    q, structure = process.p_leader, process.structure
    value, batch = np.maximum(q, prices.escape), np.zeros(q.shape, dtype=np.int64)
    sizes = [size for size in BATCHES if size == 1 or prices.call or prices.spread]
    # Values after m further samples without a look in between.
    straight = [value, *(np.zeros_like(q) for _ in range(max(sizes)))]
    last = q.shape[1] - 1
    for votes in range(horizon - 1, -1, -1):
        layer = structure.layers[votes]
        for invalid in range(min(last, horizon - votes - 1), -1, -1):
            left = horizon - votes - invalid
            for steps in range(1, min(max(sizes), left) + 1):
                straight[steps][layer, invalid] = process.expect(layer, invalid, straight[steps - 1])
            for size in sizes:
                if size <= left:
                    # Where invalid samples are no longer counted, a vote costs 1 / P(valid) samples.
                    wasted = process.p_valid[layer] if invalid == last else 1.0
                    net = straight[size][layer, invalid] - prices.of(size) / wasted
                    better = net > value[layer, invalid] + 1e-9
                    value[layer, invalid] = np.where(better, net, value[layer, invalid])
                    batch[layer, invalid] = np.where(better, size, batch[layer, invalid])
    return PriceTable(structure.index, q, value, batch, prices.escape)


def settled(p_correct: float, prices: Prices) -> Advice:
    """The advice where nothing more can be drawn."""
    return Advice(p_correct, max(p_correct, prices.escape), 0, prices.escape > p_correct)


@dataclass(frozen=True, eq=False)
class _Structure:
    """The vote states up to a horizon and their neighbours; nothing of it depends on a population."""

    index: dict[State, int]
    layers: list[slice]
    """Where the states of 0, 1, 2, ... votes stand."""
    counts: Ints
    """(s, 4)."""
    neighbours: Ints
    """(s, 5): the state after a vote for the first, second, third, a scattered or a new answer; -1 if there is none."""


@dataclass(frozen=True, eq=False)
class _Process:
    """How a vote goes on, for one population."""

    structure: _Structure
    p_leader: Floats
    """(s, i)."""
    moves: Floats
    """(s, i, 6): probabilities of the neighbours and of a sample that cannot vote; rows sum to 1."""
    p_valid: Floats
    """(s,): after the most invalid samples that are counted."""

    def expect(self, layer: slice, invalid: int, values: Floats) -> Floats:
        """Expected value after one more sample."""
        moves, neighbours = self.moves[layer, invalid], self.structure.neighbours[layer]
        ahead = (moves[:, :5] * values[neighbours, invalid]).sum(axis=1)
        if invalid + 1 < values.shape[1]:
            ahead = ahead + moves[:, 5] * values[layer, invalid + 1]
        return np.asarray(ahead)


@cache
def _structure(horizon: int) -> _Structure:
    states: list[State] = []
    layers: list[slice] = []
    for votes in range(horizon + 1):
        start = len(states)
        states += _states(votes)
        layers.append(slice(start, len(states)))
    index = {state: number for number, state in enumerate(states)}
    neighbours = [[-1 if there is None else index.get(there, -1) for there in _after(state)] for state in states]
    return _Structure(index, layers, np.array(states), np.array(neighbours))


def _states(votes: int) -> list[State]:
    return [
        (first, second, third, votes - first - second - third)
        for first in range(votes + 1)
        for second in range(min(first, votes - first) + 1)
        for third in range(min(second, votes - first - second) + 1)
        if third > 0 or first + second == votes
    ]


def _after(state: State) -> list[State | None]:
    first, second, third, scattered = state

    def ranked(a: int, b: int, c: int, rest: int) -> State:
        a, b, c = sorted((a, b, c), reverse=True)
        return a, b, c, rest

    # A scattered answer seen twice becomes the third only where the third has a single vote.
    again = ranked(first, second, 2, scattered) if third == 1 else (first, second, third, scattered + 1)
    new = (
        (first, second, third, scattered + 1)
        if third
        else ranked(first, max(second, min(first, 1)), min(second, 1), 0)
        if first
        else (1, 0, 0, 0)
    )
    return [
        ranked(first + 1, second, third, scattered) if first else None,
        ranked(first, second + 1, third, scattered) if second else None,
        ranked(first, second, third + 1, scattered) if third else None,
        again if scattered else None,
        new,
    ]


@lru_cache(maxsize=256)
def _process(population: Population, horizon: int) -> _Process:
    structure = _structure(horizon)
    most = min(horizon, _MOST_INVALID)
    whole, leader = _likelihoods(population, structure, most + 1)
    counted, there = whole[:, : most + 1], structure.neighbours
    with np.errstate(divide="ignore"):
        p_leader = np.exp(leader[:, : most + 1] - counted)
    moves = np.empty((*counted.shape, 6))
    known = np.where(there >= 0, 1.0, 0.0)[:, None, :]
    moves[..., :5] = known * np.exp(np.minimum(counted[there].transpose(0, 2, 1) - counted[..., None], 0.0))
    moves[..., 5] = np.exp(whole[:, 1:] - counted)
    # The neighbour "scattered" is no exact successor where its state had to be simplified: it gets what is left.
    scattered = structure.counts[:, 3, None] > 0
    moves[..., 3] = np.where(scattered, np.maximum(1.0 - moves[..., [0, 1, 2, 4, 5]].sum(axis=2), 0.0), 0.0)
    p_valid = np.maximum(1.0 - moves[:, most, 5], 1e-3)
    moves[:, most, 5] = 0.0
    return _Process(structure, p_leader, moves / np.maximum(moves.sum(axis=2, keepdims=True), 1e-300), p_valid)


def _likelihoods(population: Population, structure: _Structure, most_invalid: int) -> tuple[Floats, Floats]:
    """(s, most_invalid + 1) each: ln P(state), and ln P(state and its first answer is right)."""
    components = population.components
    counts = structure.counts
    votes = counts.sum(axis=1)
    answers = (counts[:, :3] > 0).sum(axis=1) + counts[:, 3]
    errors = components.errors(int(votes.max()) + 1)
    mute = np.log1p(-components.pass_rate) + np.log(components.invalid_rate)
    prior = np.exp(
        np.log(np.maximum(population.weights, 1e-300))[:, None] + mute[:, None] * np.arange(most_invalid + 1)
    )
    whole, leader = (np.empty((len(counts), most_invalid + 1)) for _ in range(2))
    for start in range(0, len(counts), _ROWS):
        part = slice(start, start + _ROWS)
        size, n, k = counts[part], votes[part], answers[part]
        repeats = sum(errors.repeats(size[:, place]) for place in range(3))
        hypotheses = [components.outcomes(0, n, 0) + errors.of(k, n) + repeats]
        for place in range(4):
            seen = np.minimum(size[:, place], 1) if place == 3 else size[:, place]
            rest = errors.of(np.maximum(k - 1, 0), n - seen) + repeats - errors.repeats(seen)
            many = np.minimum(size[:, place], size[:, place] if place == 3 else 1)
            with np.errstate(divide="ignore"):
                hypotheses.append(components.outcomes(seen, n - seen, 0) + rest + np.log(many)[:, None])
        top = np.max([hypothesis.max(axis=1) for hypothesis in hypotheses], axis=0)[:, None]
        masses = [np.exp(hypothesis - top) for hypothesis in hypotheses]
        with np.errstate(divide="ignore"):
            whole[part] = np.log(np.sum(masses, axis=0) @ prior) + top
            leader[part] = np.log(masses[1] @ prior) + top
    return whole, leader
