"""Calibration errors are what they should be where the truth is known."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest

from tests.evaluation.synthetic import question, simulated
from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.calibration import (
    adaptive_consistency_score,
    beta_ewens,
    calibration,
    expected_calibration_error,
    fit_beta_ewens,
)
from tts_agent.evaluation.folds import folds
from tts_agent.evaluation.trajectories import trajectories


def test_the_error_is_the_mean_gap_over_bins_of_equal_width() -> None:
    predicted, correct = np.array([0.95, 0.95, 0.15, 1.0]), np.array([1.0, 0.0, 0.0, 1.0])
    assert expected_calibration_error(predicted, correct) == pytest.approx((abs(2.9 - 2.0) + 0.15) / 4)
    assert expected_calibration_error(np.array([0.5, 0.5]), np.array([0.0, 1.0])) == 0.0


def known() -> Bank:
    """Drawn from the model itself: p ~ Beta(4, 2), wrong answers from a Chinese restaurant with concentration 2."""
    random = Random(1)
    made = []
    for number in range(500):
        p, answers, wrong = random.betavariate(4.0, 2.0), [], list[str]()
        for _ in range(20):
            if random.random() >= p:
                new = random.random() < 2.0 / (2.0 + len(wrong))
                wrong.append(f"wrong {len(wrong)}" if new else random.choice(wrong))
                answers.append(wrong[-1])
            else:
                answers.append("right")
        made.append(question(answers, name=f"q{number}"))
    return Bank("known", tuple(made))


KNOWN = trajectories(known(), number=5)


def test_beta_and_theta_are_found_again() -> None:
    prior, theta = fit_beta_ewens(KNOWN)
    assert prior.mean == pytest.approx(2 / 3, abs=0.03)
    assert prior.concentration == pytest.approx(6.0, rel=0.5)
    assert theta == pytest.approx(2.0, rel=0.45)


def test_where_its_model_holds_the_posterior_is_calibrated() -> None:
    rows = calibration(KNOWN, beta_ewens, folds(KNOWN.texts))
    assert [row.n for row in rows] == [2, 5, 10]
    assert max(row.ece for row in rows) < 0.04


def test_where_wrong_answers_spread_evenly_over_few_it_is_too_modest_and_the_score_too_sure_after_few_votes() -> None:
    """A Chinese restaurant takes four equally frequent wrong answers for a sign that any of them may be right."""
    replays = trajectories(simulated(300, seed=5), number=5)
    fold = folds(replays.texts)
    ours, theirs = (calibration(replays, fit, fold) for fit in (beta_ewens, adaptive_consistency_score))
    assert all(row.predicted < row.accuracy for row in ours)
    assert all(row.predicted > row.accuracy for row in theirs)
    assert ours[0].ece < theirs[0].ece


def test_sizes_that_no_question_has_are_left_out() -> None:
    replays = trajectories(simulated(20, samples=6), number=2)
    assert [row.n for row in calibration(replays, beta_ewens, folds(replays.texts))] == [2, 5]
