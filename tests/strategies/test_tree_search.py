"""Tree search over attempts."""

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, STEP, batch, play, says
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import assistant, user
from tts_agent.sampling import SampleBatch
from tts_agent.step import Outcome
from tts_agent.strategies import TreeSearch, WiderOrDeeper
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier

DIGIT = FunctionVerifier(lambda step, sample: int(sample.text[-2]) / 10.0, accept_at=0.9)
DEEP = WiderOrDeeper(max_children=1)
WRONG = user("Your answer is wrong. Correct it in full.")


def test_a_node_is_refined_by_what_the_verifier_said_and_an_accepted_one_ends_it() -> None:
    played = play(TreeSearch(DIGIT, DEEP), [batch(5), batch(6), batch(9)])
    said = [ask.request.messages[1:] for ask in played.asked]
    assert said == [(), *((assistant(f"The answer is {answer}."), WRONG) for answer in (5, 6))]
    assert (played.outcome.stop, played.outcome.answer, played.outcome.p_correct) == ("accepted", "9", 0.9)


def test_the_best_attempt_wins_and_no_more_nodes_are_made_than_allowed() -> None:
    outcome = play(TreeSearch(DIGIT, DEEP, 4, parallel=3), [batch(5), batch(7), batch(6), batch(1)]).outcome
    assert (outcome.stop, outcome.answer, len(outcome.samples)) == ("done", "7", 4)


def test_samples_drawn_before_are_the_first_nodes() -> None:
    played = play(TreeSearch(DIGIT, DEEP, 3), [batch(6)], STEP.with_drawn((says(5), says(7))))
    assert played.asked[0].request.messages[1].content in ("The answer is 5.", "The answer is 7.")
    accepted = play(TreeSearch(DIGIT), step=STEP.with_drawn((says(9),)))
    assert (accepted.asked, accepted.outcome.stop) == ([], "accepted")


def test_actions_are_options_of_the_request() -> None:
    efforts = {effort: {"reasoning_effort": effort} for effort in ("low", "high")}
    played = play(TreeSearch(DIGIT, max_nodes=8, actions=efforts), [batch(1)] * 8)
    assert {ask.request.options["reasoning_effort"] for ask in played.asked} == {"low", "high"}


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_the_best_stands_when_no_more_comes(reply: SampleBatch, stop: str) -> None:
    outcome = play(TreeSearch(DIGIT), [batch(5), reply]).outcome
    assert (outcome.stop, outcome.answer) == (stop, "5")
    assert play(TreeSearch(DIGIT), [reply]).outcome == Outcome("tree_search", outcome.stop)


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1 node"):
        TreeSearch(DIGIT, max_nodes=0)
    with pytest.raises(ConfigurationError, match="1 action"):
        TreeSearch(DIGIT, actions={})


@pytest.mark.slow  # importing it takes seconds
def test_algorithms_of_treequest_fit() -> None:
    treequest = pytest.importorskip("treequest")
    for algorithm in (treequest.ABMCTSA(dist_type="beta"), treequest.StandardMCTS(samples_per_action=2)):
        outcome = play(TreeSearch(DIGIT, algorithm, 5), [batch(n) for n in (1, 3, 2, 5, 4)]).outcome
        assert (outcome.answer, outcome.stop, len(outcome.samples)) == ("5", "done", 5)


def test_it_keeps_the_contract() -> None:
    verifier = FunctionVerifier(lambda step, sample: len(sample.text) / 40.0)
    check_strategy(lambda: TreeSearch(verifier, WiderOrDeeper(max_children=2), 5, parallel=2))
