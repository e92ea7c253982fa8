"""Kinds of questions: how often the model is right about one, and how its wrong answers fall.

A question of a kind draws each sample independently: right with probability p; otherwise no answer at all with
probability phi, else one of the wrong answers, which follow a Pitman-Yor process of concentration theta and
discount d (Pitman & Yor 1997): after m wrong votes for K answers, a wrong answer with c votes is repeated with
probability (c - d) / (m + theta), and a new one comes with (theta + K d) / (m + theta). d = 0 is the Chinese
restaurant process of Ewens (1972); d > 0 has one popular mistake and many rare ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from tts_agent.exceptions import ConfigurationError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class VoteCounts:
    """All recorded samples of one question, counted."""

    right: int
    wrong: tuple[int, ...]
    """Votes of each wrong answer."""
    invalid: int = 0
    """Samples that could not vote."""

    @classmethod
    def of(cls, samples: Iterable[tuple[Hashable | None, bool]]) -> VoteCounts:
        """From each sample's vote (None where it has none) and whether it was right."""
        right, votes = 0, Counter[Hashable | None]()
        for vote, passed in samples:
            right += passed
            votes[vote] += not passed
        invalid = votes.pop(None, 0)
        return cls(right, tuple(filter(None, votes.values())), invalid)


@dataclass(frozen=True, eq=False)
class Components:
    """g kinds of questions; every array is (g,)."""

    pass_rate: Floats
    """p, strictly between 0 and 1."""
    concentration: Floats
    """theta > -d."""
    discount: Floats
    """0 <= d < 1."""
    invalid_rate: Floats
    """phi, share of the samples that are not right which give no answer; strictly between 0 and 1."""

    def __post_init__(self) -> None:
        p, theta, d, phi = self.pass_rate, self.concentration, self.discount, self.invalid_rate
        fits = len({array.shape for array in (p, theta, d, phi)}) == 1 and p.ndim == 1 and p.size > 0
        if not fits or not bool(
            np.all((p > 0) & (p < 1) & (phi > 0) & (phi < 1) & (d >= 0) & (d < 1) & (theta > -d))
            and np.all(theta < 1e9)
        ):
            raise ConfigurationError(
                "kinds of questions need pass and invalid rates strictly between 0 and 1, "
                "discounts from 0 to below 1 and concentrations above minus the discount, equally many of each"
            )

    def __len__(self) -> int:
        return len(self.pass_rate)

    @classmethod
    @cache
    def grid(
        cls,
        pass_rates: Sequence[float] = (
            *(0.005, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55),
            *(0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.94, 0.97, 0.985, 0.995, 0.999),
        ),
        errors: Sequence[tuple[float, float]] = (
            *((0.05, 0.0), (0.3, 0.0), (1.5, 0.0), (6.0, 0.0), (30.0, 0.0)),
            *((-0.3, 0.5), (0.01, 0.5), (1.0, 0.5), (5.0, 0.5), (20.0, 0.5)),
        ),
        invalid_rates: Sequence[float] = (0.005, 0.1, 0.35, 0.7, 0.95),
    ) -> Components:
        """Every combination of pass rates, (concentration, discount) pairs and invalid rates."""
        rows = [(p, theta, d, phi) for p in pass_rates for theta, d in errors for phi in invalid_rates]
        return cls(*np.array(rows, dtype=np.float64).T)

    def __getitem__(self, index: npt.NDArray[np.bool_] | Ints) -> Components:
        return Components(
            self.pass_rate[index], self.concentration[index], self.discount[index], self.invalid_rate[index]
        )

    def log_likelihood(self, questions: Sequence[VoteCounts]) -> Floats:
        """(questions, g) natural logarithms, up to a constant of each question."""
        return np.array([_log_likelihood(self, question) for question in questions]).reshape(-1, len(self))

    def outcomes(self, right: Ints | int, wrong: Ints | int, invalid: Ints | int) -> Floats:
        """ln P of so many right, wrong and invalid samples in a given order: (g,), or (n, g) for (n,) counts."""
        counts = np.stack(np.broadcast_arrays(right, wrong, invalid), axis=-1).astype(np.float64)
        return np.asarray(counts @ self._outcomes)

    @cached_property
    def _outcomes(self) -> Floats:
        """(3, g): ln P of one right, wrong and invalid sample."""
        fails = np.log1p(-self.pass_rate)
        return np.stack(
            [np.log(self.pass_rate), fails + np.log1p(-self.invalid_rate), fails + np.log(self.invalid_rate)]
        )

    def errors(self, most: int) -> Errors:
        """Tables of how up to ``most`` wrong votes fall."""
        return _errors(self, 2 ** max(most - 1, 1).bit_length())


@lru_cache(maxsize=64)
def _errors(components: Components, most: int) -> Errors:
    return Errors(components.concentration, components.discount, most)


@lru_cache(maxsize=4096)
def _log_likelihood(components: Components, question: VoteCounts) -> Floats:
    """(g,); kept, because the same questions are fitted again and again: by class, by bin, by fold."""
    wrong = sum(question.wrong)
    errors = components.errors(wrong)
    return components.outcomes(question.right, wrong, question.invalid) + errors.partition(question.wrong)


class Errors:
    """ln P of partitions of wrong votes, by tables over counts 0 to ``most``."""

    def __init__(self, concentration: Floats, discount: Floats, most: int) -> None:
        steps = np.arange(1, max(most, 1), dtype=np.float64)[:, None]
        self._answers = _cumulated(np.log(concentration + steps * discount))
        self._votes = _cumulated(np.log(concentration + steps))
        self._repeats = _cumulated(np.log(steps - discount))

    def of(self, answers: Ints | int, votes: Ints | int) -> Floats:
        """ln P of ``votes`` falling on ``answers`` different answers, without the factors of `repeats`."""
        return np.asarray(self._answers[answers] - self._votes[votes])

    def repeats(self, count: Ints | int) -> Floats:
        """The factor (as a logarithm) of one wrong answer with ``count`` votes."""
        return np.asarray(self._repeats[count])

    @cached_property
    def _nothing(self) -> Floats:
        return np.zeros(self._votes.shape[1])

    def partition(self, counts: Iterable[int]) -> Floats:
        """(g,): ln P of wrong answers with these numbers of votes."""
        sizes = np.array([count for count in counts if count], dtype=np.int64)
        if not len(sizes):
            return self._nothing
        return np.asarray(self.of(len(sizes), int(sizes.sum())) + self._repeats[sizes].sum(axis=0))


def _cumulated(logs: Floats) -> Floats:
    """Row n: the sum of the first n - 1 rows; rows 0 and 1 are zero."""
    zeros = np.zeros((2, logs.shape[1]))
    return np.concatenate([zeros, np.cumsum(logs, axis=0)])
