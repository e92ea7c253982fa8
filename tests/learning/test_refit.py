"""Refitting: better predictions where the world changed, compared fairly, and one sentence where data lack."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.difficulty.synthetic import HashEncoder, planted
from tests.learning.records import simulated
from tts_agent.difficulty import DifficultyEstimator
from tts_agent.difficulty.two_stage import FitSettings
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.exploration_estimates import Gain
from tts_agent.learning.record_grades import grades
from tts_agent.learning.record_labels import graded_samples
from tts_agent.learning.refit import refit
from tts_agent.learning.refit_profiles import class_gains, refitted_profiles, turned_over
from tts_agent.routing import ClassProfile
from tts_agent.routing.profile import read_profiles


@pytest.fixture(scope="module")
def old() -> DifficultyEstimator:
    return DifficultyEstimator.fit(planted(300), encoder=HashEncoder(), settings=FitSettings.small())[0]


def test_after_a_shift_the_refit_is_better_and_kept(old: DifficultyEstimator) -> None:
    records, _ = simulated(250, flipped=True)
    found = refit(old, grades(records).steps, "m")
    assert found.comparison.kept
    assert found.comparison.high < 0.0
    assert found.comparison.records == 50
    assert found.profiled == ("chain",)
    assert read_profiles(found.estimator.profiles)["chain"].population is not None


def test_outcomes_that_are_mostly_failures_do_not_make_the_comparison_one_of_failures(old: DifficultyEstimator) -> None:
    records, _ = simulated(600, reported=0.8)
    skewed = [replace(one, correct=None) if one.correct and number % 4 else one for number, one in enumerate(records)]
    found = refit(old, grades(skewed).steps, "m")
    every = refit(old, grades(records).steps, "m")
    assert found.comparison.old == pytest.approx(every.comparison.old, abs=0.15)


def test_too_few_questions_or_outcomes_are_one_sentence(old: DifficultyEstimator) -> None:
    records, _ = simulated(40)
    with pytest.raises(ConfigurationError, match="40 different questions"):
        refit(old, grades(records).steps, "m")
    records, _ = simulated(300, reported=0.15)
    with pytest.raises(ConfigurationError, match="have an outcome of their own"):
        refit(old, grades(records).steps, "m")


def test_a_population_that_explains_held_out_records_worse_stays_as_it_was() -> None:
    steps = grades(simulated(300)[0]).steps
    drawn = zip(steps, graded_samples(steps), strict=True)
    rows = [(step.record.text or "", ("chain", samples)) for step, samples in drawn]
    hard = [row for text, row in rows if text.count("Add") > 6]
    easy = [row for text, row in rows if text.count("Add") < 5]
    known = {"chain": {"fix_rate": 0.2}}
    profiles, changed = refitted_profiles(known, [(*row, False) for row in hard] + [(*row, True) for row in hard])
    assert changed == ("chain",)
    assert read_profiles(profiles)["chain"].fix_rate == 0.2
    misled = [(*row, False) for row in easy] + [(*row, True) for row in hard]
    assert refitted_profiles(profiles, misled) == (profiles, ())
    assert refitted_profiles(known, [(*row, False) for row in hard[:10]]) == (known, ())


def test_exploration_holds_a_class_to_one_call_only_where_votes_were_shown_to_hurt() -> None:
    hurts, unsure = (Gain("self_consistency", -0.2, -0.3, high, 50) for high in (-0.1, 0.1))
    assert turned_over(ClassProfile(), [hurts]).most_samples == 1
    assert turned_over(ClassProfile(), [unsure]).most_samples is None
    assert turned_over(ClassProfile(), [replace(hurts, taken=5)]).most_samples is None
    helps = Gain("sequential_refinement", 0.2, 0.1, 0.3, 50)
    assert turned_over(ClassProfile(most_rounds=0), [helps]).most_rounds is None


def test_gains_take_one_step_of_each_task() -> None:
    records, _ = simulated(100)
    arms = {"single": 0.5, "self_consistency": 0.5}
    explored = [replace(one, propensities=arms, task=str(number // 2)) for number, one in enumerate(records)]
    ((gain,),) = class_gains(explored).values()
    assert gain.arm == "self_consistency"
    assert gain.taken <= 50
