"""Knees and turn-overs that are planted are found, and their intervals contain them."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.knee import Floats, Knee, best_set, knee

SIZES = (1, 3, 5, 9, 17, 33)
TOKENS = 100
EASY, HARD = 0.9, 0.4
"""pass@1 of two kinds of questions: votes soon settle the first, and are right about the second less and less."""


def p_majority(p: float, k: int) -> float:
    return sum(comb(k, i) * p**i * (1 - p) ** (k - i) for i in range(k // 2 + 1, k + 1))


ACCURACY = np.array([0.6 * p_majority(EASY, k) + 0.4 * p_majority(HARD, k) for k in SIZES])


def drawn(seed: int, questions: int) -> tuple[Floats, Floats]:
    random = np.random.default_rng(seed)
    passes = np.where(random.random(questions) < 0.6, EASY, HARD)
    right = (random.random((questions, SIZES[-1])) < passes[:, None]).cumsum(axis=1)
    correct = np.array([right[:, k - 1] * 2 > k for k in SIZES], dtype=np.float64)
    return correct, np.repeat(np.array(SIZES, dtype=np.float64)[:, None] * TOKENS, questions, axis=1)


def found(seed: int, price: float, questions: int = 600) -> Knee:
    return knee([str(k) for k in SIZES], *drawn(seed, questions), price=price, resamples=400)


@pytest.mark.parametrize("price", [2e-5, 1e-4])
@pytest.mark.parametrize(
    "repeats",
    [
        pytest.param(12, id="few"),
        pytest.param(400, id="many", marks=pytest.mark.slow),
    ],
)
def test_planted_knees_and_turn_overs_are_found_and_covered_at_the_stated_rate(price: float, repeats: int) -> None:
    value = ACCURACY - price * TOKENS * np.array(SIZES)
    planted, turn = int(value.argmax()), int(ACCURACY.argmax())
    knees = [found(seed, price) for seed in range(repeats)]
    assert sum(each.knee.low <= planted <= each.knee.high for each in knees) / repeats >= 0.94
    assert sum(each.top.low <= turn <= each.top.high for each in knees) / repeats >= 0.94
    assert sum(abs(each.knee.best - planted) <= 1 for each in knees) / repeats >= 0.9
    assert sum(abs(each.top.best - turn) <= 1 for each in knees) / repeats >= 0.9
    assert all(each.turns_over for each in knees)


def test_where_accuracy_only_grows_nothing_turns_over() -> None:
    random = np.random.default_rng(0)
    luck = random.random(300)
    correct = np.array([luck < share for share in (0.5, 0.6, 0.7)], dtype=np.float64)
    grown = knee(["1", "2", "3"], correct, np.array([[1.0], [2.0], [3.0]]) * np.ones(300))
    assert not grown.turns_over
    assert (grown.top.best, grown.top.high) == (2, 2)


def test_budgets_that_are_as_good_all_stay_and_the_cheapest_is_named() -> None:
    correct = np.random.default_rng(0).random((1, 50)).round() * np.ones((3, 1))
    same = knee(["1", "2", "3"], correct, np.array([[1.0], [2.0], [3.0]]) * np.ones(50))
    assert (same.top.best, same.top.low, same.top.high) == (0, 0, 2)
    assert best_set(correct) == (0, 1, 2)


def test_few_questions_prove_nothing() -> None:
    correct = np.array([[0.0, 0.0], [1.0, 0.0]])
    few = knee(["1", "2"], correct, np.array([[1.0, 1.0], [2.0, 2.0]]), price=1e-3)
    assert (few.knee.low, few.knee.high) == (0, 1)


def test_budgets_with_other_questions_are_no_ladder() -> None:
    with pytest.raises(ConfigurationError, match="same questions"):
        knee(["1"], np.zeros((1, 3)), np.zeros((1, 2)))
