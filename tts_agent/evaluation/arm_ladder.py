"""What arms are replayed on: a ladder of arms with its records, split into folds and halves, and what comes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tts_agent.routing.arm_fitting import ArmRecords, Ints
from tts_agent.routing.arms import Arm, Floats


@dataclass(frozen=True)
class Ladder:
    """Q questions answered by A arms, cheapest first."""

    name: str
    arms: tuple[Arm, ...]
    records: ArmRecords
    features: Floats | None = None
    """(Q, d): what is known before a call, for the difficulty-only router and our own prior."""
    prompt: Floats | None = None
    """(Q,): length of the question's text, for the length router."""
    note: str = ""
    """What was assumed."""


@dataclass(frozen=True)
class Curve:
    """One contender at its settings, averaged over splits, question by question."""

    correct: Floats
    """(settings, Q)."""
    costs: Floats
    """(settings, Q)."""


@dataclass(frozen=True)
class Split:
    """One random assignment of questions to folds and of samples to halves."""

    fold: Ints
    """(Q,)."""
    train: npt.NDArray[np.bool_]
    """(Q, A, S): samples that may be learned from, where their question is in training."""
    test: npt.NDArray[np.bool_]
    """(Q, A, S): samples to be judged on."""
    order: Ints
    """(Q, A, S): those of `test` first, in the order in which they are drawn."""

    @classmethod
    def draw(cls, known: npt.NDArray[np.bool_], folds: int, seed: int) -> Split:
        """From where samples are known."""
        rng = np.random.default_rng([seed, 2408])  # a stream of its own, apart from whatever data was made with
        rank = _ranks(np.where(known, rng.random(known.shape), 2.0))
        number = known.sum(axis=2, keepdims=True)
        half = np.where(number > 1, number // 2, 0)
        test = known & (rank >= half)
        order = np.argsort(np.where(test, rank, known.shape[2]), axis=2, kind="stable")
        fold = rng.permutation(np.arange(len(known)) % folds)
        return cls(fold, known & ((rank < half) | (half == 0)), test, order)


def _ranks(noise: Floats) -> Ints:
    return np.argsort(np.argsort(noise, axis=2, kind="stable"), axis=2, kind="stable")
