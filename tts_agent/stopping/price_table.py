"""Price tables: backward induction over the states of a vote, under a population of questions.

    V_n(s) = max( b(s), escape, max over m in {1, 2, 4, 8} of E[V_n+m(s')] - price of m samples )

A state is the votes of the three most common answers, how many further votes are scattered, and how many
samples could not vote; the further answers are taken as singletons, which costs nothing measurable against whole
partitions. Samples are exchangeable, so the probability that the next vote goes to an answer is the ratio of two
states' likelihoods: one number per state holds everything that the induction needs.

b(s) is P(right) of the answer most likely to be right. That is the leader, but for a population in which one wrong
answer often draws more votes than the right one: counting the leader there would give further samples a negative
value, and ties would be left as they are. Who answers is the leader all the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

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
    """The best plan in every state; arrays are (f,), one entry a state of `Structure`."""

    structure: Structure
    p_correct: Floats
    value: Floats
    batch: Ints
    escape: float

    def advice(self, tally: Tally) -> Advice:
        """Look up a vote of at most as many samples as the table's horizon."""
        at = self.structure.place(tally.counts.values(), tally.invalid)
        p_correct, batch = self.p_correct.item(at), self.batch.item(at)
        if batch == 0:
            return Advice(p_correct, max(p_correct, self.escape), 0, self.escape > p_correct)
        return Advice(p_correct, self.value.item(at), batch, escapes=False)


def state_of(counts: Iterable[int]) -> State:
    """The state of votes per answer, largest first."""
    first, second, third, *rest = (*counts, 0, 0, 0)
    return first, second, third, sum(rest)


@lru_cache(maxsize=1024)
def price_table(population: Population, horizon: int, prices: Prices) -> PriceTable:
    """The best plan for at most ``horizon`` samples, voting or not."""
    process = _process(population, horizon)
    structure = process.structure
    value = np.maximum(process.p_best, prices.escape)
    batch = np.zeros(len(value), dtype=np.int64)
    sizes = [size for size in BATCHES if size == 1 or prices.call or prices.spread]
    # Values after m further samples without a look in between.
    straight = [value, *(np.zeros_like(value) for _ in range(max(sizes)))]
    for drawn in range(horizon - 1, -1, -1):
        layer = structure.layers[drawn]
        for steps in range(1, min(max(sizes), horizon - drawn) + 1):
            ahead = straight[steps - 1][structure.neighbours[layer]]
            straight[steps][layer] = np.einsum("fm,fm->f", process.moves[layer], ahead)
        for size in sizes:
            if drawn + size <= horizon:
                net = straight[size][layer] - prices.of(size) * process.samples[layer]
                better = net > value[layer] + 1e-9
                value[layer] = np.where(better, net, value[layer])
                batch[layer] = np.where(better, size, batch[layer])
    return PriceTable(structure, process.p_leader, value, batch, prices.escape)


def settled(p_correct: float, prices: Prices) -> Advice:
    """The advice where nothing more can be drawn."""
    return Advice(p_correct, max(p_correct, prices.escape), 0, prices.escape > p_correct)


@dataclass(frozen=True, eq=False)
class Structure:
    """States and where one more sample leads; nothing of it depends on a population.

    v vote states; f whole states (a vote state and the number of invalid samples) by the number of samples drawn.
    """

    counts: Ints
    """(v, 4)."""
    index: dict[tuple[int, int, int, int, int], int]
    """Whole states (votes, then invalid samples) to 0 .. f - 1."""
    layers: list[slice]
    """Where the states of 0, 1, 2, ... samples stand."""
    votes: Ints
    """(f,): the vote state of each."""
    invalid: Ints
    """(f,)."""
    neighbours: Ints
    """(f, 6): the state after a vote for the first, second, third, a scattered or a new answer, and after a sample
    that cannot vote; 0 where there is none."""
    exists: Floats
    """(f, 6): 1 where there is such a neighbour."""

    @property
    def horizon(self) -> int:
        """Most samples."""
        return len(self.layers) - 1

    def place(self, counts: Iterable[int], invalid: int) -> int:
        """Where the state of these votes (per answer, largest first) and invalid samples stands."""
        return self.index[*state_of(counts), min(invalid, _MOST_INVALID)]


@dataclass(frozen=True, eq=False)
class _Process:
    """How a vote goes on, for one population."""

    structure: Structure
    p_leader: Floats
    """(f,): P(the leader is right)."""
    p_best: Floats
    """(f,): that of the answer most likely to be right."""
    moves: Floats
    """(f, 6): probabilities of the neighbours; rows sum to 1."""
    samples: Floats
    """(f,): samples it takes to get on; above 1 where further invalid samples are not counted."""


@cache
def _structure(horizon: int) -> Structure:
    vote_states = [state for votes in range(horizon + 1) for state in _states(votes)]
    wholes = sorted(
        (sum(state) + invalid, number, invalid)
        for number, state in enumerate(vote_states)
        for invalid in range(min(_MOST_INVALID, horizon - sum(state)) + 1)
    )
    index = {(*vote_states[number], invalid): at for at, (_, number, invalid) in enumerate(wholes)}
    neighbours = np.array(
        [
            [
                *(-1 if there is None else index.get((*there, invalid), -1) for there in _after(vote_states[number])),
                index.get((*vote_states[number], invalid + 1), -1),
            ]
            for _, number, invalid in wholes
        ]
    )
    drawn = np.array([total for total, _, _ in wholes])
    borders = np.searchsorted(drawn, np.arange(horizon + 2))
    return Structure(
        counts=np.array(vote_states),
        index=index,
        layers=[slice(int(low), int(high)) for low, high in pairwise(borders)],
        votes=np.array([number for _, number, _ in wholes]),
        invalid=np.array([invalid for _, _, invalid in wholes]),
        neighbours=np.maximum(neighbours, 0),
        exists=np.where(neighbours >= 0, 1.0, 0.0),
    )


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
    every, every_leader, every_best = _likelihoods(population, structure.counts, min(horizon, _MOST_INVALID) + 1)
    at = structure.votes, structure.invalid
    whole = every[at]
    p_leader, p_best = (np.exp(likelihoods[at] - whole) for likelihoods in (every_leader, every_best))
    p_invalid = np.exp(every[structure.votes, structure.invalid + 1] - whole)
    moves = structure.exists * np.exp(np.minimum(whole[structure.neighbours] - whole[:, None], 0.0))
    # The neighbour "scattered" is no exact successor where its state had to be simplified: it gets what is left.
    left = 1.0 - p_invalid - moves[:, [0, 1, 2, 4]].sum(axis=1)
    moves[:, 3] = structure.exists[:, 3] * np.maximum(left, 0.0)
    moves /= np.maximum(moves.sum(axis=1, keepdims=True), 1e-300)
    uncounted = structure.exists[:, 5] == 0.0
    samples = np.where(uncounted, 1.0 / np.maximum(1.0 - p_invalid, 1e-3), 1.0)
    return _Process(structure, p_leader, p_best, moves, samples)


def _likelihoods(population: Population, counts: Ints, most_invalid: int) -> tuple[Floats, Floats, Floats]:
    """(v, most_invalid + 1) each: ln P(votes and 0, 1, ... invalid samples), and the same with the first answer right,
    and with the likeliest one right.

    Args:
        counts: (v, 4), see `State`.
    """
    components = population.components
    votes = counts.sum(axis=1)
    answers = (counts[:, :3] > 0).sum(axis=1) + counts[:, 3]
    errors = components.errors(int(votes.max()) + 1)
    mute = np.log1p(-components.pass_rate) + np.log(components.invalid_rate)
    prior = np.exp(
        np.log(np.maximum(population.weights, 1e-300))[:, None] + mute[:, None] * np.arange(most_invalid + 1)
    )
    whole, leader, best = (np.empty((len(counts), most_invalid + 1)) for _ in range(3))
    for start in range(0, len(counts), _ROWS):
        part = slice(start, start + _ROWS)
        size, n, k = counts[part], votes[part], answers[part]
        repeats = sum(errors.repeats(size[:, place]) for place in range(3))
        hypotheses = [components.outcomes(0, n, 0) + errors.of(k, n) + repeats]
        for place in range(4):
            seen = np.minimum(size[:, place], 1) if place == 3 else size[:, place]
            rest = errors.of(np.maximum(k - 1, 0), n - seen) + repeats - errors.repeats(seen)
            with np.errstate(divide="ignore"):
                exists = np.log(np.minimum(size[:, place], 1))[:, None]
            hypotheses.append(components.outcomes(seen, n - seen, 0) + rest + exists)
        top = np.max([hypothesis.max(axis=1) for hypothesis in hypotheses], axis=0)[:, None]
        masses = [np.exp(hypothesis - top) for hypothesis in hypotheses]
        said = [mass @ prior for mass in masses]
        with np.errstate(divide="ignore"):
            whole[part] = np.log(np.sum(said[:4], axis=0) + said[4] * size[:, 3:]) + top
            leader[part] = np.log(said[1]) + top
            best[part] = np.log(np.max(said[1:], axis=0)) + top
    return whole, leader, best
