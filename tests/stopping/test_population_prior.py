"""Bayesian stopping with a learned prior over answer distributions."""

import random

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import AdaptiveConsistency, AnswerPopulation, PopulationPrior, StoppingRule
from tts_agent.voting import Tally

pytest.importorskip("numpy")

EASY = AnswerPopulation.fit(["aaaaaaaaaaaaaaaaaaaa"] * 30 + ["aaaaaaaaaaaaaaaaaaab"] * 10)
HARD = AnswerPopulation.fit(["aaaaaaabbbbbbcccddde"] * 20 + ["aaaaabbbbbcccccddddd"] * 20)


def test_an_easy_class_settles_at_once_and_a_hard_one_does_not() -> None:
    assert PopulationPrior(EASY, 0.95).still_needed(Tally()) == 1
    assert PopulationPrior(EASY, 0.95).still_needed(Tally(("a",))) == 0
    assert PopulationPrior(HARD, 0.95).still_needed(Tally(("a", "a"))) > 2


def test_a_least_number_of_samples_can_be_demanded() -> None:
    rule = PopulationPrior(EASY, 0.95, least_samples=2)
    assert rule.still_needed(Tally()) == 2
    assert rule.still_needed(Tally(("a",))) == 1
    assert rule.still_needed(Tally(("a", "a"))) == 0


def test_samples_that_could_not_vote_convince_nobody() -> None:
    assert PopulationPrior(EASY, 0.95).still_needed(Tally((None, None))) == 1


def test_when_nothing_can_settle_it_everything_left_is_drawn_together() -> None:
    never_right = AnswerPopulation.fit(["aab"], ["c"])
    assert PopulationPrior(never_right, 0.5, 12).still_needed(Tally(("a",))) == 11


def test_a_known_population_saves_samples_at_the_same_error() -> None:
    """Half of the questions nearly unanimous, half split: the prior knows, Adaptive-Consistency cannot."""
    chance = random.Random(5)

    def question() -> list[str]:
        return chance.choices("abc", (0.97, 0.02, 0.01) if chance.random() < 0.5 else (0.6, 0.3, 0.1), k=40)

    def run(rule: StoppingRule, questions: list[list[str]]) -> tuple[float, float]:
        errors = samples = 0
        for stream in questions:
            tally = Tally()
            while needed := rule.still_needed(tally):
                tally = tally.add(stream[tally.drawn : tally.drawn + needed])
            errors += tally.leader != "a"
            samples += tally.drawn
        return errors / len(questions), samples / len(questions)

    learned = PopulationPrior(AnswerPopulation.fit([question() for _ in range(200)]), 0.95)
    unseen = [question() for _ in range(500)]
    ours, theirs = run(learned, unseen), run(AdaptiveConsistency(0.95), unseen)
    assert ours[1] < theirs[1]
    assert ours[0] <= 0.05


@pytest.mark.parametrize(("threshold", "most", "least"), [(0.0, 9, 1), (1.0, 9, 1), (0.9, 9, 0), (0.9, 9, 10)])
def test_senseless_settings_are_refused(threshold: float, most: int, least: int) -> None:
    with pytest.raises(ConfigurationError, match="threshold must be between"):
        PopulationPrior(EASY, threshold, most, least)
