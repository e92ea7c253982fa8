"""Logistic regression on shares, by Newton's method: for calibration and for one-number baselines."""

from __future__ import annotations

import numpy as np

from tts_agent.difficulty.arrays import Floats, sigmoid


def fit_logistic(
    x: Floats,
    share: Floats,
    weight: Floats,
    *,
    offset: Floats | None = None,
    ridge: float = 1.0,
    start: Floats | None = None,
    tolerance: float = 1e-9,
) -> Floats:
    """Coefficients (d + 1,), the last one the intercept, of share ~ sigmoid(offset + x w + c).

    Args:
        x: (n, d).
        share: (n,) of 0..1.
        weight: (n,) of questions.
        offset: (n,) logits that are there anyway; none is 0.
        ridge: strength of the pull of all coefficients towards 0, intercept included, in questions.
        start: (d + 1,) coefficients to begin with, such as those of a neighbouring `ridge`; none is 0.
        tolerance: largest change of a coefficient that ends the search.
    """
    design = np.column_stack((x, np.ones(len(x))))
    base = np.zeros(len(x)) if offset is None else offset
    coefficients = np.zeros(design.shape[1]) if start is None else start
    for _ in range(100):
        p = sigmoid(base + design @ coefficients)
        gradient = design.T @ (weight * (share - p)) - ridge * coefficients
        curvature = (design * (weight * p * (1.0 - p))[:, None]).T @ design + ridge * np.eye(design.shape[1])
        step = np.linalg.solve(curvature, gradient)
        # Far from the optimum a full step can overshoot.
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        coefficients = coefficients + step
        if float(np.abs(step).max()) < tolerance:
            break
    return coefficients
