"""How many steps are still to come."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.horizon import GivenHorizon, LearnedHorizon, StepMix

LENGTHS = st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=20)


def learned(lengths: list[tuple[int, bool]], guess: float = 10.0, weight: float = 2.0) -> LearnedHorizon:
    horizon = LearnedHorizon(guess, weight)
    for steps, finished in lengths:
        horizon = horizon.learn(steps, finished=finished)
    return horizon


def test_a_given_horizon_counts_down_to_its_last_step() -> None:
    assert [GivenHorizon(3).ahead(done) for done in range(5)] == [3.0, 2.0, 1.0, 1.0, 1.0]


@given(guess=st.floats(1.0, 50.0), done=st.integers(0, 40))
def test_before_any_task_the_guess_stands_however_far_the_task_is(guess: float, done: int) -> None:
    assert LearnedHorizon(guess).ahead(done) == guess


def test_it_learns_the_lengths_of_past_tasks() -> None:
    horizon = learned([(5, True)] * 200)
    assert horizon.ahead(0) == pytest.approx(5.0, abs=0.3)
    assert horizon.ahead(4) == pytest.approx(1.0, abs=0.2)
    assert horizon.ahead(5) == 10.0  # longer than anything seen: the guess again


def test_a_task_that_goes_on_may_have_more_ahead_than_at_its_start() -> None:
    short_or_long = learned([(2, True)] * 90 + [(20, True)] * 10)
    assert short_or_long.ahead(2) > short_or_long.ahead(0)


def test_it_comes_near_the_true_mean_of_a_simulated_class() -> None:
    chance = Random(3)
    horizon = learned([(1 + sum(chance.random() < 0.7 for _ in range(8)), True) for _ in range(500)], guess=30.0)
    assert horizon.ahead(0) == pytest.approx(1 + 8 * 0.7, abs=0.4)


def test_tasks_that_were_cut_off_count_as_survivors() -> None:
    ended, cut = learned([(4, True)] * 20), learned([(4, False)] * 20)
    assert cut.ahead(0) > ended.ahead(0)
    assert cut.hazard(4) < ended.hazard(4)


@given(lengths=LENGTHS, guess=st.floats(1.0, 40.0), done=st.integers(0, 40))
def test_there_is_always_the_step_that_begins(lengths: list[tuple[int, bool]], guess: float, done: int) -> None:
    horizon = learned(lengths, guess)
    assert horizon.ahead(done) >= 1.0 - 1e-9
    assert 0.0 <= horizon.hazard(done + 1) <= 1.0


@given(lengths=LENGTHS, done=st.integers(0, 35))
def test_the_expectation_is_the_sum_of_its_hazards(lengths: list[tuple[int, bool]], done: int) -> None:
    horizon = learned(lengths, 4.0)
    expected, survival = 0.0, 1.0
    for step in range(done + 1, done + 600):
        expected += survival
        survival *= 1.0 - horizon.hazard(step)
    longest = max((steps for steps, _ in lengths), default=0)
    assert horizon.hazard(longest + 1) == pytest.approx(0.25)
    assert horizon.ahead(done) == pytest.approx(expected)


def test_classes_are_expected_as_often_as_they_came() -> None:
    known = {"plan": 0, "code": 0}
    assert StepMix().shares(known) == {"plan": 0.5, "code": 0.5}
    mix = StepMix().saw("code").saw("code").saw("code").saw("unheard of")
    assert mix.shares(known) == {"plan": 0.125, "code": 0.875}


@pytest.mark.parametrize(("guess", "weight"), [(0.5, 1.0), (float("inf"), 1.0), (3.0, 0.0)])
def test_senseless_settings_are_refused(guess: float, weight: float) -> None:
    with pytest.raises(ConfigurationError, match="guess must be at least 1"):
        LearnedHorizon(guess, weight)


def test_senseless_counts_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1 is needed"):
        GivenHorizon(0)
    with pytest.raises(ConfigurationError, match="-1 steps"):
        LearnedHorizon().learn(-1)
    with pytest.raises(ConfigurationError, match="finite and >= 0"):
        StepMix({"plan": -1.0})
