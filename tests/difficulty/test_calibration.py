"""Calibration, shrinkage and the measures on the card."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.difficulty.arrays import Floats, sigmoid
from tts_agent.difficulty.calibration import Platt, expected_calibration_error
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.metrics import Scores, auroc, spearman
from tts_agent.difficulty.questions import Counts
from tts_agent.difficulty.shrinkage import Shrinkage

RNG = np.random.default_rng(0)
TRUE = RNG.normal(size=2000) * 1.5
OUTCOMES = Counts(RNG.binomial(16, sigmoid(TRUE)).astype(float), np.full(2000, 16.0), np.ones(2000), np.arange(2000))


def beliefs(logits: Floats, log_size: float = 3.0) -> Floats:
    return np.stack((logits, np.full(len(logits), log_size)), axis=1)


def ece(predicted: Floats, counts: Counts = OUTCOMES) -> float:
    return expected_calibration_error(sigmoid(predicted[:, 0]), counts.share, counts.weight)


def test_overconfident_predictions_are_calibrated() -> None:
    overconfident = beliefs(np.clip(TRUE * 2.5 + 1.0, -6, 6))
    calibration = Platt.fit(overconfident, OUTCOMES)
    assert ece(overconfident) > 0.08
    assert ece(calibration(overconfident)) < 0.03
    assert calibration.slope == pytest.approx(0.4, abs=0.1)


def test_calibrated_predictions_are_left_alone() -> None:
    calibration = Platt.fit(beliefs(TRUE), OUTCOMES)
    assert calibration.slope == pytest.approx(1.0, abs=0.06)
    assert calibration.intercept == pytest.approx(0.0, abs=0.06)


@given(st.lists(st.floats(-6, 6), min_size=2, max_size=30), st.integers(0, 2**32 - 1))
def test_calibration_never_changes_the_order(logits: list[float], seed: int) -> None:
    passed = np.random.default_rng(seed).integers(0, 5, len(logits)).astype(float)
    counts = Counts(passed, np.full(len(logits), 4.0), np.ones(len(logits)), np.arange(len(logits)))
    rows = beliefs(np.sort(np.array(logits)))
    assert (np.diff(Platt.fit(rows, counts)(rows)[:, 0]) >= 0).all()


def test_a_head_with_skill_is_trusted_and_one_without_is_not() -> None:
    base = beliefs(np.zeros(2000), 1.0)
    assert Shrinkage.fit(beliefs(TRUE), base, OUTCOMES).weight >= 0.8
    noise = beliefs(np.random.default_rng(1).normal(size=2000))
    useless = Shrinkage.fit(noise, base, OUTCOMES)
    assert useless.weight == 0.0
    assert (useless(noise, base) == base).all()


def test_a_head_too_sure_of_itself_is_capped() -> None:
    base = beliefs(np.zeros(2000), 1.0)
    half_known = beliefs(TRUE + RNG.normal(size=2000), np.log(400.0))
    shrinkage = Shrinkage.fit(half_known, base, OUTCOMES)
    assert shrinkage.cap < 60
    assert nll(shrinkage(half_known, base), OUTCOMES).mean() < nll(half_known, OUTCOMES).mean()


@given(st.floats(0, 1), st.floats(-5, 5), st.floats(-5, 5))
def test_a_shrunk_mean_lies_between_the_two(weight: float, head: float, base: float) -> None:
    out = Shrinkage(weight)(beliefs(np.array([head])), beliefs(np.array([base])))[0, 0]
    assert min(head, base) - 1e-6 <= out <= max(head, base) + 1e-6


@given(
    st.lists(st.tuples(st.floats(-3, 3), st.integers(0, 8)), min_size=1, max_size=50),
    st.booleans(),
)
def test_scores_stay_in_their_ranges(rows: list[tuple[float, int]], shared: bool) -> None:
    logits, passed = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    question = np.zeros(len(rows), dtype=np.int64) if shared else np.arange(len(rows))
    scores = Scores.of(beliefs(logits), Counts(passed, np.full(len(rows), 8.0), np.ones(len(rows)), question))
    assert scores.nll >= 0.0
    assert 0.0 <= scores.brier <= 1.0
    assert 0.0 <= scores.ece <= 1.0
    assert scores.auroc is None or 0.0 <= scores.auroc <= 1.0
    assert scores.spearman is None or -1.0 - 1e-9 <= scores.spearman <= 1.0 + 1e-9


def ints(*values: int) -> npt.NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def test_ranks_agree_with_the_textbook() -> None:
    one = np.ones(4)
    assert spearman(ints(1, 2, 3, 4), ints(10, 20, 30, 40), one) == pytest.approx(1.0)
    assert spearman(ints(1, 2, 3, 4), ints(4, 3, 2, 1), one) == pytest.approx(-1.0)
    assert spearman(ints(1, 1, 2, 3), ints(1, 2, 2, 3), one) == pytest.approx(0.8333, abs=1e-4)
    assert auroc(ints(1, 2, 3, 4), ints(0, 0, 1, 1), ints(1, 1, 0, 0)) == 1.0
    assert auroc(ints(1, 1, 1, 1), ints(0, 1, 0, 1), ints(1, 0, 1, 0)) == 0.5


def test_a_weight_counts_like_copies() -> None:
    x, y, weight = ints(3, 1, 2, 2), ints(1, 0, 1, 0), ints(1, 2, 3, 1)
    repeated = np.repeat(np.arange(4), weight.astype(int))
    assert spearman(x, y, weight) == pytest.approx(spearman(x[repeated], y[repeated], np.ones(7)))


def test_what_cannot_be_ranked_has_no_score() -> None:
    assert auroc(ints(1, 2), ints(1, 1), ints(0, 0)) is None
    assert spearman(ints(1, 1), ints(1, 2), np.ones(2)) is None
