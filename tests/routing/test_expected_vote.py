"""What n samples are expected to bring."""

import random
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.probability import Beta
from tts_agent.routing.expected_vote import best_size, expected_any, expected_vote, p_plurality
from tts_agent.voting import Tally

RATES = st.floats(0.0, 1.0)
BELIEFS = st.builds(Beta, st.floats(0.1, 20.0), st.floats(0.1, 20.0))
THETAS = st.floats(0.01, 50.0)


def simulated(rate: float, n: int, theta: float, runs: int = 20_000) -> float:
    """Share of votes that the right answer wins, wrong answers drawn from a Chinese restaurant."""
    chance, won = random.Random(0), 0
    for _ in range(runs):
        votes: list[object] = []
        wrong: list[object] = []
        for index in range(n):
            if chance.random() < rate:
                votes.append("right")
                continue
            new = chance.random() * (theta + len(wrong)) < theta
            wrong.append(index if new else chance.choice(wrong))
            votes.append(wrong[-1])
        won += Tally(tuple(votes)).leader == "right"
    return won / runs


@pytest.mark.parametrize(("rate", "n", "theta"), [(0.4, 5, 1.0), (0.4, 8, 5.0), (0.3, 7, 0.3), (0.6, 2, 1.0)])
def test_a_vote_is_right_as_often_as_simulation_finds(rate: float, n: int, theta: float) -> None:
    assert expected_vote(rate, n, theta) == pytest.approx(simulated(rate, n, theta), abs=0.014)  # 4 standard errors


@given(rate=RATES, n=st.sampled_from([1, 3, 5, 9]))
def test_wrong_answers_that_agree_leave_condorcets_formula(rate: float, n: int) -> None:
    condorcet = sum(comb(n, k) * rate**k * (1 - rate) ** (n - k) for k in range((n + 1) // 2, n + 1))
    assert expected_vote(rate, n, 1e-9) == pytest.approx(condorcet, abs=1e-6)


@given(belief=BELIEFS, theta=THETAS)
def test_one_sample_is_right_with_the_mean(belief: Beta, theta: float) -> None:
    assert expected_vote(belief, 1, theta) == pytest.approx(belief.mean)
    assert expected_any(belief, 1) == pytest.approx(belief.mean)


@given(belief=BELIEFS, n=st.integers(1, 12), theta=THETAS)
@settings(max_examples=50)
def test_a_vote_is_never_better_than_a_perfect_verifier(belief: Beta, n: int, theta: float) -> None:
    assert 0.0 <= expected_vote(belief, n, theta) <= expected_any(belief, n) + 1e-9
    assert expected_any(belief, n) <= expected_any(belief, n + 1) + 1e-12


@given(right=st.integers(1, 10), wrong=st.integers(0, 20), theta=THETAS)
@settings(max_examples=50)
def test_more_right_votes_and_more_scattered_wrong_ones_help(right: int, wrong: int, theta: float) -> None:
    assert p_plurality(right, wrong, theta) <= p_plurality(right + 1, wrong, theta) + 1e-9
    assert p_plurality(right, wrong, theta) <= p_plurality(right, wrong, 2 * theta) + 1e-9
    assert p_plurality(0, wrong, theta) == 0.0


def test_ties_are_shared() -> None:
    assert p_plurality(1, 1, 3.0) == pytest.approx(1 / 2)
    assert p_plurality(2, 2, 1e-9) == pytest.approx(1 / 2)
    assert p_plurality(1, 3, 1e9) == pytest.approx(1 / 4)


@pytest.mark.parametrize(("rate", "found"), [(0.0, 0.0), (1.0, 1.0)])
def test_certain_rates_are_no_special_case(rate: float, found: float) -> None:
    assert expected_vote(rate, 5, 1.0) == expected_any(rate, 5) == found


def test_the_best_size_is_the_smallest_of_the_best() -> None:
    assert best_size([0.5, 0.6, 0.8, 0.8], 0.0) == (3, 0.8)
    assert best_size([0.5, 0.6, 0.8, 0.8], 0.25) == (1, 0.25)
