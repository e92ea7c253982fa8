"""Refinement by price where the last round says more than "wrong": did it run, did it repeat itself, ...

A signal is a small number that is known after every round (0 before the first). Fix rates depend on round and
signal, and signals follow each other as a Markov chain while the answer stays wrong:

    V_t(s) = max{ F, f_t(s) + (1 - f_t(s)) sum over s' of P_t(s' | s) V_(t+1)(s') - c_t },   F = max(0, fallback)

Each rate is shrunk to the round's own (`FixRates`): f_t(s) = (m f_t + fixed) / (m + at risk), with m of the
largest marginal likelihood; infinity, if signals say nothing, gives the plain rule back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf, lgamma, log

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.fix_rates import STRENGTHS
from tts_agent.stopping.outlook import Outlook

Round = tuple[bool, int]
"""Whether the answer after a round is right, and the signal that the round gave."""

MOVE_WEIGHT = 10.0
"""Rounds that a signal's usual share is worth against the counts after one signal."""


@dataclass(frozen=True, slots=True)
class SignalRates:
    """What was learned of rounds t = 0, 1, ... after signals s = 0, 1, ...: f[t][s] and P[t][s][s']."""

    fixes: tuple[tuple[float, ...], ...]
    moves: tuple[tuple[tuple[float, ...], ...], ...]
    """P(next signal | signal, still wrong); each row sums to 1."""
    strength: float = inf
    """m."""

    @classmethod
    def fit(cls, tasks: Iterable[Sequence[Round]], rates: Sequence[float], signals: int) -> SignalRates:
        """From recorded tasks, and each round's own fix rate (round 0 may be the first attempt).

        What follows a task's first right answer is not looked at.
        """
        rounds = len(rates)
        if signals < 1:
            raise ConfigurationError(f"{signals} signals: at least 1 is needed")
        fixed = [[0] * signals for _ in range(rounds)]
        wrong = [[[0] * signals for _ in range(signals)] for _ in range(rounds)]
        for task in tasks:
            before = 0
            for t, (right, signal) in enumerate(task[:rounds]):
                if not 0 <= signal < signals:
                    raise ConfigurationError(f"signal {signal} is none of the {signals} from 0 on")
                if right:
                    fixed[t][before] += 1
                    break
                wrong[t][before][signal] += 1
                before = signal
        failed = [[sum(row) for row in each] for each in wrong]
        strength = max(STRENGTHS, key=lambda m: _evidence(fixed, failed, rates, m))
        return cls(
            tuple(
                tuple(_shrunk(rate, fixed[t][s], failed[t][s], strength) for s in range(signals))
                for t, rate in enumerate(rates)
            ),
            tuple(_moves(each) for each in wrong),
            strength,
        )


@dataclass(frozen=True)
class SignalledRefinement:
    """When to stop refining, given the round and its last signal."""

    rates: SignalRates
    costs: tuple[float, ...]
    """Price of each round in units of one correct answer (price per token x tokens / v)."""
    fallback: float = 0.0
    """Worth of giving up on a wrong answer."""

    def __post_init__(self) -> None:
        if len(self.rates.fixes) != len(self.costs):
            raise ConfigurationError(f"{len(self.rates.fixes)} rounds cannot have {len(self.costs)} prices")
        if not (all(cost >= 0.0 for cost in self.costs) and self.fallback <= 1.0):
            raise ConfigurationError("prices of rounds must be >= 0 and the fallback at most 1")

    def still_needed(self, failures: int, signal: int = 0) -> int:
        """1 while another round pays after `failures` rounds that fixed nothing, the last with `signal`, else 0."""
        return int(self.outlook(failures, signal).move == "go_on")

    def outlook(self, failures: int = 0, signal: int = 0) -> Outlook:
        """The best plan for an answer known to be wrong; `most` is the longest that it may go on."""
        if failures >= len(self.costs):
            return self._end
        return self._table[failures][signal]

    @property
    def _end(self) -> Outlook:
        return Outlook("escalate" if self.fallback > 0.0 else "give_up", max(0.0, self.fallback), 0.0, 0.0, 0)

    @cached_property
    def _table(self) -> list[list[Outlook]]:
        """Outlook of every round and signal, by backward induction."""
        table: list[list[Outlook]] = []
        ahead: list[Outlook] = [self._end] * len(self.rates.fixes[0] if self.rates.fixes else ())
        for fixes, moves, cost in zip(
            reversed(self.rates.fixes), reversed(self.rates.moves), reversed(self.costs), strict=True
        ):
            ahead = [self._ahead(fix, move, cost, ahead) for fix, move in zip(fixes, moves, strict=True)]
            table.append(ahead)
        return table[::-1]

    def _ahead(self, fix: float, move: Sequence[float], cost: float, ahead: Sequence[Outlook]) -> Outlook:
        wrong = [(1.0 - fix) * share for share in move]
        value = fix - cost + sum(p * each.value for p, each in zip(wrong, ahead, strict=True))
        if value <= max(0.0, self.fallback):
            return self._end
        success = fix + sum(p * each.success for p, each in zip(wrong, ahead, strict=True))
        spent = cost + sum(p * each.spent for p, each in zip(wrong, ahead, strict=True))
        return Outlook("go_on", value, success, spent, 1 + max(each.most for each in ahead))


def _shrunk(rate: float, fixed: int, failed: int, strength: float) -> float:
    return rate if strength == inf else (strength * rate + fixed) / (strength + fixed + failed)


def _moves(wrong: Sequence[Sequence[int]]) -> tuple[tuple[float, ...], ...]:
    """Next signals after each signal, shrunk to those of the round."""
    signals = range(len(wrong))
    usual = [sum(row[s] for row in wrong) + 1.0 / len(wrong) for s in signals]
    total = sum(usual)
    return tuple(
        tuple((row[s] + MOVE_WEIGHT * usual[s] / total) / (sum(row) + MOVE_WEIGHT) for s in signals) for row in wrong
    )


def _evidence(
    fixed: Sequence[Sequence[int]], failed: Sequence[Sequence[int]], rates: Sequence[float], strength: float
) -> float:
    """ln marginal likelihood of the counts at one strength (beta-binomial)."""
    total = 0.0
    for own_fixed, own_failed, each in zip(fixed, failed, rates, strict=True):
        rate = min(max(each, 1e-9), 1.0 - 1e-9)
        for right, wrong in zip(own_fixed, own_failed, strict=True):
            if strength == inf:
                total += right * log(rate) + wrong * log(1.0 - rate)
                continue
            a, b = strength * rate, strength * (1.0 - rate)
            total += lgamma(a + right) - lgamma(a) + lgamma(b + wrong) - lgamma(b)
            total += lgamma(strength) - lgamma(strength + right + wrong)
    return total
