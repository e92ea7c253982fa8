"""Shapes of answer distributions, and who is the mode given the votes."""

import random
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import AnswerPopulation

pytest.importorskip("numpy")

SHAPES = (((0.8, 0.15, 0.05), 0), ((0.5, 0.3, 0.2), 0), ((0.4, 0.35, 0.25), 1), ((0.34, 0.33, 0.33), None))


def enumerated(counts: tuple[int, int, int]) -> float:
    """P(the leader holds the wanted rank): every assignment of three answers to three ranks, by hand."""
    hit = total = 0.0
    for weight, (shares, wanted) in zip((1.0, 2.0, 3.0, 4.0), SHAPES, strict=True):
        for ranks in permutations(range(3)):
            likelihood = weight
            for rank, count in zip(ranks, counts, strict=True):
                likelihood *= shares[rank] ** count
            total += likelihood
            hit += likelihood if ranks[0] == wanted else 0.0
    return hit / total


@given(st.lists(st.integers(0, 12), min_size=3, max_size=3).filter(any))
def test_with_three_answers_the_aggregated_posterior_is_exact(counts: list[int]) -> None:
    leader, second, third = sorted(counts, reverse=True)
    population = AnswerPopulation(SHAPES, (1.0, 2.0, 3.0, 4.0))
    assert population.p_leader(leader, second, third) == pytest.approx(enumerated((leader, second, third)))


def test_a_lone_vote_is_as_likely_right_as_the_population_says() -> None:
    population = AnswerPopulation(SHAPES[:2], (1.0, 1.0))
    assert population.p_leader(1, 0, 0) == pytest.approx((0.8 + 0.5) / 2)


def test_unanimous_votes_convince_and_split_votes_do_not() -> None:
    population = AnswerPopulation(SHAPES[:2], (1.0, 1.0))
    chances = [population.p_leader(n, 0, 0) for n in (1, 2, 4, 8)]
    assert chances == sorted(chances)
    assert chances[-1] > 0.98
    assert population.p_leader(4, 4, 0) < 0.5


def test_the_posterior_is_calibrated_where_its_prior_is_right() -> None:
    shapes = (((0.7, 0.1, 0.1, 0.05, 0.05), 0), ((0.35, 0.25, 0.2, 0.1, 0.1), 0), ((0.45, 0.4, 0.05, 0.05, 0.05), 0))
    population, chance = AnswerPopulation(shapes, (2.0, 1.0, 1.0)), random.Random(3)
    predicted = hits = 0.0
    runs = 1500
    for _ in range(runs):
        ((shares, _),) = chance.choices(shapes, (2.0, 1.0, 1.0))
        counts = Counter(chance.choices(range(5), shares, k=8)).most_common()
        leader, second, *_ = *(count for _, count in counts), 0
        predicted += population.p_leader(leader, second, 8 - leader - second)
        hits += counts[0][0] == 0
    assert predicted / runs == pytest.approx(hits / runs, abs=0.035)  # 3 standard errors


def test_fitting_counts_shapes_and_finds_the_mode() -> None:
    population = AnswerPopulation.fit([["x", "x", "y", None], ["p", "q", "q"], ["r", "r", "r"]], smoothing=0.0)
    assert dict(zip(population.shapes, population.weights, strict=True)) == {
        ((2 / 3, 1 / 3), 0): 2.0,
        ((1.0, 0.0), 0): 1.0,
    }


def test_fitting_with_right_answers_finds_their_ranks() -> None:
    population = AnswerPopulation.fit(["xxy", "xxy", "xxy"], ["x", "y", "z"], smoothing=0.0)
    assert [rank for _, rank in population.shapes] == [0, 1, None]
    assert population.p_leader(1, 0, 0) == pytest.approx((2 / 3 + 1 / 3) / 3)


def test_smoothing_leaves_no_tally_impossible() -> None:
    votes = ["aaaa", "aaab"]
    assert AnswerPopulation.fit(votes, smoothing=0.0).p_leader(2, 1, 1) == 0.0
    assert AnswerPopulation.fit(["aaaa", "aaab", "aabc"]).p_leader(2, 1, 1) > 0.0


def test_a_population_needs_votes() -> None:
    with pytest.raises(ConfigurationError, match="no question has a vote"):
        AnswerPopulation.fit([[], [None, None]])
    with pytest.raises(ConfigurationError, match="2 questions cannot have 1 right answers"):
        AnswerPopulation.fit(["aa", "ab"], ["a"])


@pytest.mark.parametrize("shares", [(0.7, 0.4), (0.4, 0.6), (1.0, -0.2)])
def test_shares_must_be_a_falling_distribution(shares: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError, match="shares must be"):
        AnswerPopulation(((shares, 0),), (1.0,))


def test_dust_is_answers_that_come_once() -> None:
    """Half of the votes for one answer, the others all different: against many ranks of equal size, by hand."""
    dusty = AnswerPopulation((((0.5,), 0),), (1.0,))
    grains = AnswerPopulation((((0.5, *[0.5 / 2000] * 2000), 0),), (1.0,))
    for counts in [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 4)]:
        assert dusty.p_leader(*counts) == pytest.approx(grains.p_leader(*counts), abs=0.01)
    assert dusty.p_leader(2, 1, 0) == 1.0
    assert dusty.p_leader(2, 2, 0) == 0.0  # impossible under this population


def test_more_answers_than_any_question_had_are_no_surprise() -> None:
    population = AnswerPopulation.fit(["aaaabcdefghijklmnopq", "aaaaaaaaaabbbcdefghi", "aabbccddeeffghijklmn"])
    assert population.p_leader(12, 1, 30) > 0.99


def test_every_shape_needs_a_positive_weight() -> None:
    with pytest.raises(ConfigurationError, match="a positive weight for each"):
        AnswerPopulation(SHAPES, (1.0, 1.0, 0.0, 1.0))
