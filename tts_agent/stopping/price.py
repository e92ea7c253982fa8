"""Stop by price: draw while the expected gain in P(correct) is worth the tokens.

Backward induction over (votes of the leader, votes of the runner-up, samples drawn) with batches of 1, 2, 4
or 8, under the Beta-Ewens posterior of `voting`. A one-step look-ahead stops too early (one sample cannot
overturn 2-0); the table sees all steps to the horizon. Other answers are taken as singletons: the state
keeps the two counts that decide, and the posterior of that stylized tally stands for the real one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import log2

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.voting import Tally, posterior

State = tuple[int, int, int]
"""(leader, runner-up, drawn), leader >= runner-up."""

BATCHES = (1, 2, 4, 8)

Moves = list[tuple[State, float]]
"""Where one more sample leads, with probabilities that sum to 1."""

Table = dict[State, tuple[float, int, float]]
"""Value, best batch (0 = stop), and value of stopping."""


@dataclass(frozen=True, slots=True)
class PriceRule:
    """Optimal stopping of a vote at a given price per sample.

    Belief and costs are rounded for planning (the mean to 1/40, concentration and costs to a geometric grid),
    so that the steps of a run share their tables: some 20 ms to build one, a dictionary look-up afterwards.
    """

    prior: Beta
    """Belief about pass@1, not counting the votes themselves."""
    theta: float
    """Concentration of wrong answers (fitted per class of steps)."""
    cost: float
    """Price of one sample, in units of one correct answer."""
    max_samples: int = 16
    round_cost: float = 0.0
    """Price of one more serial round, whatever its size: what waiting is worth. Above 0 it favours batches."""

    def __post_init__(self) -> None:
        if min(self.cost, self.round_cost) < 0.0 or self.theta <= 0.0 or self.max_samples < 1:
            raise ConfigurationError(f"costs must be >= 0, theta above 0, max_samples at least 1: {self}")

    def still_needed(self, votes: Tally) -> int:
        return self._look_up(votes)[1]

    def value(self, votes: Tally) -> float:
        """Expected P(correct) of the final answer less the price of the samples still drawn."""
        return self._look_up(votes)[0]

    def gain(self, votes: Tally) -> float:
        """What drawing on is worth beyond stopping now, >= 0; both by the same rounded belief."""
        value, _, stopped = self._look_up(votes)
        return value - stopped

    def _look_up(self, votes: Tally) -> tuple[float, int, float]:
        """Value, batch, and value of stopping.

        Samples that could not vote are failures: they lower the belief and use up the horizon.
        """
        horizon = self.max_samples - votes.invalid
        valid = votes.drawn - votes.invalid
        if valid >= horizon:
            p_leader = posterior(votes, self.prior, self.theta).of(votes.leader)
            return p_leader, 0, p_leader
        shared = replace(
            self,
            prior=_rounded(Beta(self.prior.a, self.prior.b + votes.invalid)),
            cost=_rounded_cost(self.cost),
            round_cost=_rounded_cost(self.round_cost),
            max_samples=horizon,
        )
        return price_table(shared)[*votes.top(), valid]


def _rounded(prior: Beta) -> Beta:
    mean = min(max(round(prior.mean * 40) / 40, 0.0125), 0.9875)
    concentration = min((0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0), key=lambda size: abs(size - prior.concentration))
    return Beta.of(mean, concentration)


def _rounded_cost(cost: float) -> float:
    return 2.0 ** (round(log2(cost) * 4) / 4) if cost > 0.0 else 0.0


@lru_cache(maxsize=4096)
def price_table(rule: PriceRule) -> Table:
    """Every state that the rule can come to."""
    right, moves = _process(rule.prior, rule.theta, rule.max_samples)
    # Waiting is free without a price per round, and then one at a time is never worse than a batch.
    batches = BATCHES if rule.round_cost > 0.0 else (1,)
    table: Table = {}
    for state, p_leader in right.items():
        best = (p_leader, 0, p_leader)
        for batch in batches:
            if state[2] + batch > rule.max_samples:
                break
            value = _ahead(state, batch, moves, table) - batch * rule.cost - rule.round_cost
            if value > best[0] + 1e-9:
                best = (value, batch, p_leader)
        table[state] = best
    return table


@lru_cache(maxsize=1024)
def _process(prior: Beta, theta: float, horizon: int) -> tuple[dict[State, float], dict[State, Moves]]:
    """P(leader correct) of every state, the latest states first, and where each may go: no price is in it."""
    states = [state for drawn in range(horizon, -1, -1) for state in _states(drawn)]
    right = {state: posterior(_tally(state), prior, theta).of("leader") for state in states}
    return right, {state: _next(state, prior, theta) for state in states if state[2] < horizon}


def _ahead(state: State, batch: int, moves: dict[State, Moves], table: Table) -> float:
    """Expected value after `batch` draws without stopping in between."""
    reached = {state: 1.0}
    for _ in range(batch):
        after: dict[State, float] = {}
        for here, mass in reached.items():
            for there, chance in moves[here]:
                after[there] = after.get(there, 0.0) + mass * chance
        reached = after
    return sum(mass * table[there][0] for there, mass in reached.items())


def _states(drawn: int) -> list[State]:
    """Leader, runner-up and singletons that add up to `drawn`; a runner-up of 0 leaves no singletons."""
    return [
        (leader, second, drawn)
        for leader in range(drawn + 1)
        for second in range(min(leader, drawn - leader) + 1)
        if second > 0 or leader == drawn
    ]


def _tally(state: State) -> Tally:
    leader, second, drawn = state
    singletons = [f"other {i}" for i in range(drawn - leader - second)]
    return Tally(("leader",) * leader + ("second",) * second + tuple(singletons))


def _next(state: State, prior: Beta, theta: float) -> Moves:
    """Where one more sample leads, by the posterior predictive of the Beta-Ewens mixture."""
    leader, second, drawn = state
    tally = _tally(state)
    after = posterior(tally, prior, theta)
    total = prior.concentration + drawn
    chance = dict.fromkeys(tally.counts, 0.0)
    fresh = 0.0
    for answer, weight in [*after.correct.items(), (None, after.unseen)]:
        right = tally.counts.get(answer, 0)
        p_right, wrong = (prior.a + right) / total, drawn - right
        if answer is None:
            fresh += weight * p_right
        else:
            chance[answer] += weight * p_right
        fresh += weight * (1.0 - p_right) * theta / (theta + wrong)
        for other, count in tally.counts.items():
            if other != answer:
                chance[other] += weight * (1.0 - p_right) * count / (theta + wrong)
    moves: dict[State, float] = {}
    for answer, probability in [*chance.items(), (None, fresh)]:
        there = _after(answer, leader, second, drawn)
        moves[there] = moves.get(there, 0.0) + probability
    return list(moves.items())


def _after(answer: object, leader: int, second: int, drawn: int) -> State:
    if answer == "leader":
        return leader + 1, second, drawn + 1
    if answer == "second":
        return max(leader, second + 1), min(leader, second + 1), drawn + 1
    count = 1 if answer is None else 2
    ranked = sorted((leader, second, count), reverse=True)
    return ranked[0], ranked[1], drawn + 1
