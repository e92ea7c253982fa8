"""One call."""

from dataclasses import replace

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, STEP, batch, play, says
from tts_agent.probability import Beta
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, StopReason
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single
from tts_agent.testing.conformance import check_strategy


def test_it_asks_once_and_returns_the_answer() -> None:
    played = play(Single(), [batch(4)], replace(STEP, difficulty=Beta(3.0, 1.0), final=True))
    assert [(ask.n, ask.final, ask.request) for ask in played.asked] == [(1, True, STEP.request())]
    assert played.outcome == Outcome("single", "done", says(4), "4", (says(4),), {"4": 1}, p_correct=0.75)


def test_its_call_is_said_to_be_the_only_one_of_its_step() -> None:
    """So that it may be streamed live; those of a vote may not."""
    assert [ask.request.alone for ask in play(Single(), [batch(4)]).asked] == [True]
    assert [ask.request.alone for ask in play(SelfConsistency(FixedSize(1)), [batch(4)]).asked] == [False]


def test_a_sample_drawn_before_is_the_answer() -> None:
    played = play(Single(), step=STEP.with_drawn((says(5), says(6))))
    assert played.asked == []
    assert played.outcome.answer == "5"


def test_a_sample_that_can_vote_is_preferred() -> None:
    cut = Sample("The answer", "length")
    played = play(Single(), step=STEP.with_drawn((cut, says(6))))
    assert played.outcome.sample == says(6)


def test_a_cut_off_reply_is_better_than_none() -> None:
    cut = Sample("The answer", "length")
    outcome = play(Single(), [SampleBatch((cut,))]).outcome
    assert (outcome.sample, outcome.answer, outcome.stop) == (cut, None, "done")


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_without_a_sample_it_says_why(reply: SampleBatch, stop: StopReason) -> None:
    assert play(Single(), [reply]).outcome == Outcome("single", stop)


def test_it_keeps_the_contract() -> None:
    check_strategy(Single)
