"""Paired bootstrap over questions: every policy is resampled with the same questions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

REPLICATES = 2000
LEVEL = 0.95


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Resampled question weights, shared by everything that is compared."""

    weights: Floats
    """(B, Q) rows that sum to 1."""

    @classmethod
    def of(cls, questions: int, *, replicates: int = REPLICATES, seed: int = 0) -> Bootstrap:
        """Draw questions with replacement."""
        random = np.random.default_rng(seed)
        counts = random.multinomial(questions, np.full(questions, 1.0 / questions), size=replicates)
        return cls(counts / questions)

    def means(self, values: Floats) -> Floats:
        """(B, ...) means over questions of values (..., Q) in each replicate."""
        flat = values.reshape(-1, values.shape[-1])
        means = self.weights @ flat.T
        return means.reshape(len(self.weights), *values.shape[:-1])


def interval(replicates: Floats, level: float = LEVEL) -> tuple[Floats, Floats]:
    """The central percentile interval along the first axis.

    Infinite replicates count as the largest values; nan ones (there was nothing to compare) are left out, and
    where there are no others the interval is (nan, nan).
    """
    tail = (1.0 - level) / 2.0
    ordered = np.sort(replicates, axis=0)  # nan last
    usable = (~np.isnan(ordered)).sum(axis=0)
    ends = []
    for share in (tail, 1.0 - tail):
        place = np.clip(np.rint(share * (usable - 1)).astype(np.int64), 0, len(ordered) - 1)
        ends.append(np.take_along_axis(ordered, place[None, ...], axis=0)[0])
    return ends[0], ends[1]
