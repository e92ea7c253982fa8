"""Counting votes, and how likely the leader is to be right.

Two questions that are often confused: P(mode), whether the leader will stay the leader, is what
Adaptive-Consistency asks (`stopping.adaptive_consistency`); P(correct), whether the leader is right, is
asked here, with a belief about pass@1 as the prior.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import exp, lgamma, log

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta, log_beta


@dataclass(frozen=True)
class Tally:
    """Votes in the order they were drawn; None is a sample that could not vote."""

    votes: tuple[Hashable | None, ...] = ()

    @property
    def drawn(self) -> int:
        """Samples drawn, voting or not."""
        return len(self.votes)

    @property
    def invalid(self) -> int:
        """Samples that could not vote."""
        return sum(vote is None for vote in self.votes)

    @cached_property
    def counts(self) -> dict[Hashable, int]:
        """Votes per answer, most first; ties in the order of first appearance."""
        return dict(Counter(vote for vote in self.votes if vote is not None).most_common())

    @property
    def leader(self) -> Hashable | None:
        """The answer with the most votes; the earliest of them on a tie."""
        return next(iter(self.counts), None)

    def top(self) -> tuple[int, int]:
        """Votes of the leader and of the runner-up."""
        ranked = [*self.counts.values(), 0, 0]
        return ranked[0], ranked[1]

    def add(self, votes: Iterable[Hashable | None]) -> Tally:
        """A tally with further votes."""
        return Tally((*self.votes, *votes))


def weighted_majority(votes: Sequence[Hashable | None], weights: Sequence[float]) -> Hashable | None:
    """The answer with the largest sum of weights (>= 0); None when nobody could vote."""
    if len(votes) != len(weights):
        raise ConfigurationError(f"{len(votes)} votes cannot have {len(weights)} weights")
    totals: dict[Hashable, float] = {}
    for vote, weight in zip(votes, weights, strict=True):
        if vote is not None:
            totals[vote] = totals.get(vote, 0.0) + weight
    return max(totals, key=totals.__getitem__, default=None)


def effective_size(n: int, correlation: float) -> float:
    """How many independent samples ``n`` correlated ones are worth: n / (1 + (n - 1) correlation).

    The design effect of Kish (Survey Sampling, 1965). Samples of one question correlate beyond their common pass@1
    where they share a prefix, one of several prompts, or a cache.
    """
    if not 0.0 <= correlation <= 1.0:
        raise ConfigurationError(f"a correlation of samples is between 0 and 1, got {correlation}")
    return n / (1.0 + (n - 1) * correlation) if n else 0.0


@dataclass(frozen=True, slots=True)
class Posterior:
    """Who is right, given the votes. `unseen` and the values of `correct` sum to 1."""

    correct: dict[Hashable, float]
    """P(correct) of every answer seen."""
    unseen: float
    """P(the right answer has not been seen yet): the reason to stop, escalate or refine."""

    def of(self, answer: Hashable | None) -> float:
        """P(correct) of one answer, 0 for one that was not seen."""
        return self.correct.get(answer, 0.0)


def posterior(tally: Tally, prior: Beta, theta: float) -> Posterior:
    """P(correct) of each answer under the Beta-Ewens mixture, in closed form.

    The right answer is drawn with probability p ~ `prior`; wrong answers follow a Chinese restaurant process
    with concentration `theta` > 0 (large: wrong answers scatter; small: they agree). A sample that could not
    vote counts as wrong without saying which wrong answer it was. Source: Ewens (1972) for the partition of
    the wrong votes; the mixture is this project's, see docs/decisions.
    """
    if not theta > 0.0:
        raise ConfigurationError(f"theta is {theta}: the concentration of wrong answers must be above 0")
    counts = tally.counts
    a, b = prior.a, prior.b + tally.invalid
    n, clusters = sum(counts.values()), len(counts)
    factorials = sum(lgamma(count) for count in counts.values())

    def weight(count: int) -> float:
        others = _ewens(clusters - 1, n - count, factorials - lgamma(count), theta)
        return log_beta(a + count, b + n - count) + others

    weights = {answer: weight(count) for answer, count in counts.items()}
    unseen = log_beta(a, b + n) + _ewens(clusters, n, factorials, theta)
    top = max([unseen, *weights.values()])
    total = exp(unseen - top) + sum(exp(log_weight - top) for log_weight in weights.values())
    correct = {answer: exp(log_weight - top) / total for answer, log_weight in weights.items()}
    return Posterior(correct, exp(unseen - top) / total)


def _ewens(clusters: int, n: int, log_factorials: float, theta: float) -> float:
    """ln of the Ewens probability of n wrong votes in clusters of given sizes (up to a common constant)."""
    return clusters * log(theta) + log_factorials + lgamma(theta) - lgamma(theta + n)
