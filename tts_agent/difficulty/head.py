"""A small neural network that corrects a belief, as plain arrays: it predicts without torch.

(logit mu, ln kappa) = base + W2 relu(W1 x + b1) + b2
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty.arrays import Floats, clip_beliefs

Weights = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Head:
    """Trained weights: d inputs, h hidden units, 2 outputs."""

    w1: Weights
    """(d, h)"""
    b1: Weights
    """(h,)"""
    w2: Weights
    """(h, 2)"""
    b2: Weights
    """(2,)"""

    def __call__(self, x: Floats) -> Floats:
        """Corrections (n, 2) for inputs (n, d)."""
        hidden = np.maximum(x @ self.w1.astype(np.float64) + self.b1, 0.0)
        return np.asarray(hidden @ self.w2.astype(np.float64) + self.b2, dtype=np.float64)


def corrected(heads: tuple[Head, ...], x: Floats, base: Floats) -> Floats:
    """Beliefs (n, 2): the base plus the mean correction of several heads."""
    if not heads:
        return base
    return clip_beliefs(base + np.mean([head(x) for head in heads], axis=0))
