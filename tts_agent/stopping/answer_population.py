"""How the answers to questions of a class are usually distributed, learned from recorded votes.

The prior of Huang, Ma and Zhou, "Optimal Bayesian Stopping for Efficient Inference of Consistent LLM Answers"
(arXiv 2602.05395): every training question's answer frequencies, sorted, are one candidate ("shape") for a new
question, all equally likely; which answer holds which rank is unknown, every assignment equally likely.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import comb, exp, lgamma
from typing import TYPE_CHECKING

from tts_agent.exceptions import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

Shape = tuple[tuple[float, ...], int | None]
"""Shares of the answers, largest first, and the rank (0 = the mode) that one wants to find; None: not there.
What the shares lack to 1 is dust: answers that each come once."""

MOST_RANKS = 12
"""Rarer answers are dust."""


@dataclass(frozen=True)
class AnswerPopulation:
    """Shapes and how often each occurred. Needs numpy when it is asked for a posterior."""

    shapes: tuple[Shape, ...]
    weights: tuple[float, ...]
    _places: dict[tuple[int, int], Array] = field(default_factory=dict, init=False, repr=False, compare=False)
    _known: dict[tuple[int, int, int], float] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.shapes or len(self.shapes) != len(self.weights) or min(self.weights) <= 0.0:
            raise ConfigurationError("a population needs at least one shape, and a positive weight for each")
        for shares, _ in self.shapes:
            if sum(shares) > 1.0 + 1e-9 or list(shares) != sorted(shares, reverse=True) or shares[-1] < 0.0:
                raise ConfigurationError(f"shares must be >= 0, fall, and sum to at most 1, got {shares}")

    @classmethod
    def fit(
        cls,
        votes: Sequence[Sequence[Hashable | None]],
        right: Sequence[Hashable | None] | None = None,
        *,
        smoothing: float = 1.0,
    ) -> AnswerPopulation:
        """Learn the shapes of training questions.

        Args:
            votes: the votes recorded for each question; None could not vote and is left out.
            right: the right answer of each question, to ask for P(the leader is right) instead of the paper's
                P(the leader is the mode).
            smoothing: votes' worth of the population's mean shape that is mixed into each shape, so that a
                question unlike any before has no probability of 0; of that, the mean share of answers seen once
                is dust, as Good and Turing estimate what was not seen. The paper has 0 (none).

        Raises:
            ConfigurationError: no question has a vote, or `right` is not one answer a question.
        """
        if right is not None and len(right) != len(votes):
            raise ConfigurationError(f"{len(votes)} questions cannot have {len(right)} right answers")
        counted: Counter[tuple[tuple[int, ...], int | None]] = Counter()
        for index, cast in enumerate(votes):
            ranked = Counter(vote for vote in cast if vote is not None).most_common()
            if ranked:
                names = [name for name, _ in ranked[:MOST_RANKS]]
                wanted = right[index] if right is not None else names[0]
                counted[tuple(count for _, count in ranked), names.index(wanted) if wanted in names else None] += 1
        if not counted:
            raise ConfigurationError("no question has a vote to learn from")
        questions = counted.total()
        unseen = sum(times * counts.count(1) / sum(counts) for (counts, _), times in counted.items()) / questions
        mean = [0.0] * min(MOST_RANKS, max(len(counts) for counts, _ in counted))
        for (counts, _), times in counted.items():
            for rank, count in enumerate(counts[:MOST_RANKS]):
                mean[rank] += (1.0 - max(unseen, 0.001)) * times * count / sum(counts) / questions
        shapes = [(_smoothed(counts, mean, smoothing), rank) for counts, rank in counted]
        return cls(tuple(shapes), tuple(float(times) for times in counted.values()))

    def p_leader(self, leader: int, second: int, rest: int) -> float:
        """P(the leader holds the wanted rank), given the votes of leader and runner-up and of all others together.

        The paper's posterior aggregated at L = 3 (algorithm 2): summed over which ranks leader and runner-up
        hold, and over all ways that the other ranks can share the rest with at most `second` votes each. With m
        of them tied with the runner-up, each way counts 1 / C(c + m, c), c = 2 if the leader is tied too, else
        1. 0 where no shape allows the counts. Good for some hundred votes. Each triple is computed once.
        """
        votes = leader, second, rest
        if votes not in self._known:
            self._known[votes] = self._p_leader(*votes)
        return self._known[votes]

    def _p_leader(self, leader: int, second: int, rest: int) -> float:
        import numpy as np

        if (second, rest) not in self._places:
            self._places[second, rest] = self._others(second, rest)
        shares, wanted, _ = self._table
        others = self._places[second, rest][int(leader == second)]
        likelihood = others[:-1] * shares**leader
        elsewhere = float((others[-1] * _dust(shares)).sum()) if leader == 1 else 0.0
        total = float(likelihood.sum()) + elsewhere
        return float(np.sum(likelihood * wanted)) / total if total > 0.0 else 0.0

    @cached_property
    def _table(self) -> tuple[Array, Array, Array]:
        """Shares (ranks, shapes), whether a rank is the wanted one (ranks, shapes), weights (shapes,)."""
        import numpy as np

        ranks = max(len(shares) for shares, _ in self.shapes)
        shares = np.array([(*row, *[0.0] * (ranks - len(row))) for row, _ in self.shapes]).T
        wanted = np.array([[float(rank == goal) for rank in range(ranks)] for _, goal in self.shapes]).T
        weights = np.array(self.weights)
        return shares, wanted, weights / weights.sum()

    def _others(self, second: int, rest: int) -> Array:
        """Likelihood of the other votes by the leader's place: (leader above or level, ranks and dust, shapes).

        Goes through the ranks once; each is the leader's, the runner-up's, or takes some of the rest.
        `ways[s, l, r, m, t]`: likelihood under shape s so far; l: leader not placed, or at rank l - 1; r:
        runner-up placed (none is needed without votes); m: ranks tied with it; t: votes of the rest taken. With
        a single vote for the runner-up all of the rest are ties, so that their number need not be kept.
        """
        import numpy as np

        shares, _, weights = self._table
        ranks = len(shares)
        ties = rest // second if second > 1 else 0
        below = _takes(shares, rest, most=second - 1 if second > 1 else second)
        ways = np.zeros((len(weights), ranks + 2, 2, ties + 1, rest + 1))
        ways[:, 0, 0 if second else 1, 0, 0] = weights
        for rank in range(ranks):
            share = shares[rank][:, None, None, None]
            placed = ways[:, : rank + 1]  # the leader's places so far; further ones are still empty
            nxt = _times(placed, below[rank])
            if ties:
                tied = share[..., None] ** second / exp(lgamma(second + 1))
                nxt[..., 1:, second:] += placed[..., :-1, : rest + 1 - second] * tied
            if second:
                nxt[:, :, 1] += placed[:, :, 0] * share**second
            ways[:, rank + 1] = ways[:, 0]
            ways[:, : rank + 1] = nxt
        dust = _dust(shares)
        ways = _times(ways, _takes(dust[None], rest, most=rest)[0])
        if second == 1:
            ways[:, :, 1] += ways[:, :, 0] * dust[:, None, None, None]
        ways[:, ranks + 1] = ways[:, 0]
        level = [[1.0 / comb(c + m, c) for m in range(ties + 1)] for c in (1, 2)]
        others: Array = np.einsum("slm,cm->cls", ways[:, 1:, 1, :, rest], np.array(level))
        return others


def _dust(shares: Array) -> Array:
    """What the shares of each shape lack to 1."""
    import numpy as np

    dust: Array = np.clip(1.0 - shares.sum(axis=0), 0.0, None)
    return dust


def _takes(shares: Array, rest: int, *, most: int) -> Array:
    """Weight share^c / c! of the step from t to t + c votes taken, c <= `most`: (ranks, shapes, from, to)."""
    import numpy as np

    votes = np.arange(rest + 1)
    terms = shares[..., None] ** votes / np.exp([lgamma(count + 1) for count in range(rest + 1)])
    terms[..., most + 1 :] = 0.0
    taken = votes[None, :] - votes[:, None]
    return np.where(taken >= 0, terms[..., np.abs(taken)], 0.0)


def _times(ways: Array, taking: Array) -> Array:
    """`ways` after a rank took its part of the rest."""
    flat: Array = ways.reshape(ways.shape[0], -1, ways.shape[-1]) @ taking
    return flat.reshape(ways.shape)


def _smoothed(counts: tuple[int, ...], mean: Sequence[float], smoothing: float) -> tuple[float, ...]:
    """Frequencies with `smoothing` votes of the mean shape mixed in; both fall with the rank, so the mixture does."""
    padded = (*counts, *[0] * len(mean))[: len(mean)]
    total = sum(counts) + smoothing
    return tuple((count + smoothing * share) / total for count, share in zip(padded, mean, strict=True))
