"""Beliefs as arrays."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.difficulty.arrays import clip_beliefs, from_betas, logit, sigmoid, to_betas
from tts_agent.probability import Beta


@given(st.floats(0.01, 0.99), st.floats(0.3, 400))
def test_a_belief_survives_the_round_trip(mean: float, concentration: float) -> None:
    (back,) = to_betas(from_betas([Beta.of(mean, concentration)]))
    assert back.mean == pytest.approx(mean)
    assert back.concentration == pytest.approx(concentration)


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300))
def test_an_extreme_belief_is_cut_to_a_sane_one(a: float, b: float) -> None:
    (back,) = to_betas(from_betas([Beta(a, b)]))
    assert 0.002 < back.mean < 0.998
    assert 0.19 < back.concentration < 501


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_whatever_a_head_says_becomes_a_beta(logit_mean: float, log_size: float) -> None:
    (beta,) = to_betas(clip_beliefs(np.array([[logit_mean, log_size]])))
    assert 0.0 < beta.mean < 1.0


@given(st.floats(0.0, 1.0))
def test_logit_and_sigmoid_undo_each_other(p: float) -> None:
    assert sigmoid(logit(np.array([p])))[0] == pytest.approx(p, abs=0.003)


def test_no_belief_is_no_row() -> None:
    assert from_betas([]).shape == (0, 2)
