"""The beta-binomial likelihood and the two small fits that rest on logistic regression."""

from __future__ import annotations

from math import comb, exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.difficulty.arrays import Floats, sigmoid
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.logistic import fit_logistic
from tts_agent.difficulty.questions import Counts
from tts_agent.probability import log_beta


def counts(passed: Floats, of: Floats) -> Counts:
    return Counts(passed, of, np.ones(len(passed)), np.arange(len(passed)))


@settings(max_examples=50)
@given(st.floats(-5, 5), st.floats(-1.5, 6), st.integers(1, 100))
def test_the_probabilities_of_all_counts_sum_to_one(logit: float, log_size: float, of: int) -> None:
    passed = np.arange(of + 1.0)
    losses = nll(np.tile([logit, log_size], (of + 1, 1)), counts(passed, np.full(of + 1, float(of))))
    assert np.exp(-losses).sum() == pytest.approx(1.0, abs=1e-9)
    a, b = sigmoid(np.array([logit, -logit])) * exp(log_size)
    direct = log_beta(a + 1, b + of - 1) - log_beta(a, b) + log(comb(of, 1))
    assert -losses[1] == pytest.approx(direct, abs=1e-9)


def test_leading_axes_are_kept() -> None:
    beliefs = np.zeros((4, 3, 2))
    assert nll(beliefs, counts(np.ones(3), np.full(3, 2.0))).shape == (4, 3)


def test_logistic_regression_finds_the_planted_coefficients() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4000, 2))
    share = sigmoid(x @ np.array([1.5, -0.7]) + 0.3)
    assert np.allclose(fit_logistic(x, share, np.ones(4000), ridge=1e-6), [1.5, -0.7, 0.3], atol=1e-4)
    offset = 1.5 * x[:, 0]
    assert np.allclose(fit_logistic(x[:, 1:], share, np.ones(4000), offset=offset, ridge=1e-6), [-0.7, 0.3], atol=1e-4)


@given(st.floats(-10, 10), st.booleans())
def test_separable_data_give_finite_coefficients(shift: float, up: bool) -> None:
    x = np.linspace(-1, 1, 20)[:, None] + shift
    share = (x[:, 0] > shift).astype(float) if up else np.ones(20)
    assert np.isfinite(fit_logistic(x, share, np.ones(20))).all()
