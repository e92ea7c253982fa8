"""DSC's ranking, partition and pre-allocation."""

from dataclasses import replace
from math import inf

import pytest

from tts_agent.budget import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.probability import Beta
from tts_agent.routing import DifficultyRanking
from tts_agent.step import Step
from tts_agent.stopping import ExtendingWindow
from tts_agent.strategies import SelfConsistency, Single, Strategy

STEP = Step((user("?"),))
# Ten training steps: the four hardest split, the next three nearly agree, the rest agree.
PREDICTED = [0.05, 0.1, 0.15, 0.2, 0.5, 0.55, 0.6, 0.8, 0.9, 0.95]
VOTES = ["abababababab"] * 4 + ["aaaaabaaaaaa"] * 3 + ["aaaaaaaaaaaa"] * 3


def strategy(ranking: DifficultyRanking, mean: float | None) -> Strategy | None:
    step = STEP if mean is None else replace(STEP, difficulty=Beta.of(mean, 10.0))
    return ranking.decide(step, Budget().view()).strategy


def presample(chosen: Strategy | None) -> int:
    assert isinstance(chosen, SelfConsistency)
    assert isinstance(chosen.rule, ExtendingWindow)
    return chosen.rule.presample


def test_easy_begins_where_a_run_of_training_steps_agrees() -> None:
    ranking = DifficultyRanking.fit(PREDICTED, VOTES, judge_window=3, max_samples=12)
    assert ranking.easy_above == 0.8
    assert isinstance(strategy(ranking, 0.85), Single)
    assert isinstance(strategy(ranking, 0.7), SelfConsistency)


def test_a_run_longer_than_agreement_lasts_makes_nothing_easy() -> None:
    ranking = DifficultyRanking.fit(PREDICTED, VOTES, judge_window=4, max_samples=12)
    assert ranking.easy_above == inf
    assert isinstance(strategy(ranking, 0.99), SelfConsistency)


def test_the_window_is_what_similar_steps_needed() -> None:
    ranking = DifficultyRanking.fit(PREDICTED, VOTES, judge_window=3, neighbours=3, max_samples=12)
    assert presample(strategy(ranking, 0.1)) == 12  # split to the end
    assert presample(strategy(ranking, 0.55)) == 4  # four that agree were enough


def test_a_step_nobody_estimated_gets_the_mean_window() -> None:
    ranking = DifficultyRanking.fit(PREDICTED, VOTES, judge_window=3, max_samples=12)
    assert presample(strategy(ranking, None)) == round((4 * 12 + 6 * 4) / 10)


def test_training_steps_may_come_in_any_order() -> None:
    backwards = DifficultyRanking.fit(PREDICTED[::-1], VOTES[::-1], judge_window=3, max_samples=12)
    assert backwards == DifficultyRanking.fit(PREDICTED, VOTES, judge_window=3, max_samples=12)


def test_fewer_recorded_votes_than_the_rule_wants_are_all_counted() -> None:
    assert DifficultyRanking.fit([0.5], ["abab"], max_samples=40).needed == ((0.5, 4),)


@pytest.mark.parametrize(("predicted", "votes"), [([0.5], []), ([0.5, 0.6], ["ab", ""])])
def test_every_training_step_needs_a_prediction_and_a_sample(predicted: list[float], votes: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="one prediction and at least one sample"):
        DifficultyRanking.fit(predicted, votes)


@pytest.mark.parametrize("needed", [(), ((0.9, 4), (0.1, 4)), ((0.5, 0),), ((0.5, 41),)])
def test_a_ranking_is_sorted_and_within_its_maximum(needed: tuple[tuple[float, int], ...]) -> None:
    with pytest.raises(ConfigurationError, match="the hardest first"):
        DifficultyRanking(0.9, needed)


def test_a_ranking_needs_neighbours() -> None:
    with pytest.raises(ConfigurationError, match="neighbours is 0"):
        DifficultyRanking(0.9, ((0.5, 4),), neighbours=0)
