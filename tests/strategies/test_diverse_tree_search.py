"""Diverse verifier tree search."""

import pytest

from tests.strategies.by_hand import NO_BUDGET, STEP, play, rate, simulate
from tests.strategies.planted import LENGTH, SOUND, THOUGHTS, planted
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.strategies import BeamSearch, DiverseTreeSearch
from tts_agent.strategies.thoughts import Thoughts
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier

SCORES = FunctionVerifier(
    lambda step, sample: {"answer: 1": 0.5, "answer: 2": 0.7}.get(sample.text, 0.4), accept_at=2.0
)


def said(*texts: str) -> SampleBatch:
    return SampleBatch(tuple(Sample(text) for text in texts))


def test_the_answer_with_the_largest_sum_of_scores_wins() -> None:
    strategy = DiverseTreeSearch(BeamSearch(SCORES, 1, 1), 3)
    outcome = play(strategy, [said("answer: 1"), said("answer: 2"), said("answer: 1")]).outcome
    assert (outcome.answer, outcome.stop, outcome.votes) == ("1", "settled", {"1": 2, "2": 1})


def test_an_accepted_reply_is_not_outvoted() -> None:
    strategy = DiverseTreeSearch(BeamSearch(SOUND, 1, 1, 1, THOUGHTS), 3)
    outcome = play(strategy, [said("no answer: 1"), said("ok answer: 2"), said("no answer: 1")]).outcome
    assert (outcome.answer, outcome.stop, outcome.accepted) == ("2", "accepted", True)


def test_one_of_k_subtrees_succeeds_as_often_as_k_independent_searches() -> None:
    s, m, k = 0.5, 2, 3
    strategy = DiverseTreeSearch(BeamSearch(SOUND, 1, m, LENGTH, THOUGHTS), k)
    model = planted(s, 3)
    share, tolerance = rate([bool(simulate(strategy, model).outcome.accepted) for _ in range(600)])
    alone = (1.0 - (1.0 - s) ** m) ** LENGTH
    assert share == pytest.approx(1.0 - (1.0 - alone) ** k, abs=tolerance)


def test_an_accepted_sample_drawn_before_ends_it_and_nothing_at_all_is_an_outcome() -> None:
    drawn = (Sample("ok answer: 1"),)
    played = play(DiverseTreeSearch(BeamSearch(SOUND)), step=STEP.with_drawn(drawn))
    assert (played.asked, played.outcome.sample, played.outcome.stop) == ([], drawn[0], "accepted")
    nothing = play(DiverseTreeSearch(BeamSearch(SOUND), 2), [NO_BUDGET, NO_BUDGET]).outcome
    assert nothing == Outcome("diverse_tree_search", "budget")


def test_where_no_reply_is_whole_the_best_partial_one_stands() -> None:
    strategy = DiverseTreeSearch(BeamSearch(SOUND, 1, 1, 1, THOUGHTS), 2)
    outcome = play(strategy, [said("no"), said("ok")]).outcome
    assert (outcome.sample, outcome.answer, outcome.stop) == (Sample("ok\n", "length"), None, "rounds")


def test_no_subtree_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        DiverseTreeSearch(BeamSearch(SOUND), 0)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: DiverseTreeSearch(BeamSearch(SCORES, 1, 2, 2, Thoughts("|", lambda text: False)), 2))
