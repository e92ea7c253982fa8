"""Array types and the one representation of beliefs used inside this folder.

Many beliefs are one array (n, 2): column 0 is logit(mean), column 1 is ln(concentration).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

import numpy as np
import numpy.typing as npt

from tts_agent.probability import Beta

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MAX_LOGIT = 6.0
"""No mean beyond .0025 .. .9975: no text justifies more."""
MIN_LOG_CONCENTRATION = log(0.2)
MAX_LOG_CONCENTRATION = log(500.0)


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + exp(-x)), without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * x)), dtype=np.float64)


def logit(p: Floats) -> Floats:
    """ln(p / (1 - p)) of probabilities, cut at +-MAX_LOGIT."""
    edge = 1e-9
    p = np.clip(p, edge, 1.0 - edge)
    return np.asarray(np.clip(np.log(p) - np.log1p(-p), -MAX_LOGIT, MAX_LOGIT), dtype=np.float64)


def clip_beliefs(beliefs: Floats) -> Floats:
    """Into the range where a Beta is meaningful and finite."""
    return np.stack(
        (
            np.clip(beliefs[:, 0], -MAX_LOGIT, MAX_LOGIT),
            np.clip(beliefs[:, 1], MIN_LOG_CONCENTRATION, MAX_LOG_CONCENTRATION),
        ),
        axis=1,
    )


def to_betas(beliefs: Floats) -> list[Beta]:
    """(n, 2) -> n distributions."""
    means = sigmoid(beliefs[:, 0])
    return [Beta.of(float(mean), exp(float(size))) for mean, size in zip(means, beliefs[:, 1], strict=True)]


def from_betas(betas: Sequence[Beta]) -> Floats:
    """n distributions -> (n, 2), clipped."""
    rows = [(log(beta.a) - log(beta.b), log(beta.concentration)) for beta in betas]
    return clip_beliefs(np.array(rows, dtype=np.float64).reshape(-1, 2))
