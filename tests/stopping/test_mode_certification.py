"""PPR-1v1: the mode, certified at a given probability of a mistake."""

import random
from functools import cache
from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import ModeCertification
from tts_agent.stopping.mode_certification import fewest_to_certify, log_density_at_half
from tts_agent.voting import Tally

RUNS = 300


@cache
def simulated(shares: tuple[float, ...], mistake: float, answers: int | None) -> tuple[float, float]:
    """Share of runs that certified another answer than the mode, and mean samples."""
    rule, chance = ModeCertification(mistake, 5000, answers), random.Random(7)
    wrong = samples = 0
    for _ in range(RUNS):
        tally = Tally()
        while needed := rule.still_needed(tally):
            tally = tally.add(chance.choices("abcdefgh"[: len(shares)], shares, k=needed))
        assert tally.drawn < 5000
        wrong += tally.leader != "a"
        samples += tally.drawn
    return wrong / RUNS, samples / RUNS


@pytest.mark.parametrize("shares", [(0.5, 0.2, 0.15, 0.15), (0.6, 0.4), (0.3, 0.14, 0.14, 0.14, 0.14, 0.14)])
@pytest.mark.parametrize("mistake", [0.3, 0.1, 0.01])
def test_the_mode_is_missed_no_more_often_than_allowed(shares: tuple[float, ...], mistake: float) -> None:
    assert simulated(shares, mistake, len(shares))[0] <= mistake
    assert simulated(shares, mistake, None)[0] <= mistake


def test_the_bound_is_the_formulas() -> None:
    assert fewest_to_certify(0.5, 0.2, 0.01) == pytest.approx(69.34, abs=0.005)
    assert fewest_to_certify(1.0, 0.0, 0.01) == pytest.approx(log(100) / log(2))


def test_samples_exceed_the_bound_and_come_closer_as_the_allowance_shrinks() -> None:
    excess = [
        simulated((0.5, 0.2, 0.15, 0.15), mistake, 4)[1] / fewest_to_certify(0.5, 0.2, mistake)
        for mistake in (0.3, 0.01, 1e-6)
    ]
    assert excess == sorted(excess, reverse=True)
    assert 1.0 < excess[-1] < 1.5


def test_two_answers_meet_the_paper_by_hand() -> None:
    # Beta(1/2; n + 1, 1) = (n + 1) / 2^n, first at most .05 at n = 8.
    assert [exp(log_density_at_half(n, 0)) for n in (1, 7, 8)] == pytest.approx([1.0, 8 / 128, 9 / 256])
    assert ModeCertification(0.05, 40).still_needed(Tally()) == 8
    assert ModeCertification(0.05, 40).still_needed(Tally(("a",) * 8)) == 0


def test_more_possible_answers_take_more_votes() -> None:
    asked = [ModeCertification(0.05, 40, answers).still_needed(Tally()) for answers in (2, 5, 20)]
    assert asked == sorted(asked)
    assert asked[0] < asked[-1]


@given(leader=st.integers(0, 200), second=st.integers(0, 200), third=st.integers(0, 200))
def test_the_runner_up_is_the_hardest_rival(leader: int, second: int, third: int) -> None:
    third, second, leader = sorted((leader, second, third))
    assert log_density_at_half(leader, third) <= log_density_at_half(leader, second) + 1e-9
    assert log_density_at_half(leader + 1, second) <= log_density_at_half(leader, second) + 1e-9


@pytest.mark.parametrize(("mistake", "most", "answers"), [(0.0, 9, None), (1.0, 9, None), (0.1, 0, None), (0.1, 9, 1)])
def test_senseless_settings_are_refused(mistake: float, most: int, answers: int | None) -> None:
    with pytest.raises(ConfigurationError, match="mistake must be between"):
        ModeCertification(mistake, most, answers)


@pytest.mark.parametrize(("first", "second", "mistake"), [(0.2, 0.2, 0.1), (0.8, 0.3, 0.1), (0.5, 0.2, 0.0)])
def test_a_bound_needs_a_mode(first: float, second: float, mistake: float) -> None:
    with pytest.raises(ConfigurationError, match="probabilities must satisfy"):
        fewest_to_certify(first, second, mistake)
