"""A vote with a judge for close calls."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, batch, play, rate, simulate
from tts_agent.effects import Generate
from tts_agent.events import Verified
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, JudgedVote
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier
from tts_agent.voting import Tally

FOND_OF_FIVE = FunctionVerifier(lambda step, sample: float("5" in sample.text), name="judge", accept_at=2.0)
FAIR = FunctionVerifier(lambda step, sample: 0.5, name="judge", accept_at=2.0)


def test_a_clear_majority_is_not_shown_to_the_judge() -> None:
    replies = [batch(4, 4, 4, 4, 5)]
    assert play(BestOfN(FOND_OF_FIVE, FixedSize(5)), replies).outcome.answer == "5"
    played = play(JudgedVote(FOND_OF_FIVE), replies)
    assert (played.outcome.answer, played.outcome.accepted, played.events) == ("4", None, [])


def test_in_a_close_call_the_judge_sees_one_sample_of_each_answer_that_is_close() -> None:
    played = play(JudgedVote(FOND_OF_FIVE, FixedSize(8), margin=0.2), [batch(4, 4, 4, 5, 6, 5, 5, 7)])
    assert played.events == [Verified("judge", (0.0, 1.0), 0)]
    assert (played.outcome.answer, played.outcome.accepted) == ("5", False)
    assert played.outcome.sample is played.outcome.samples[3]


def test_a_judge_that_cannot_decide_leaves_it_to_the_votes() -> None:
    assert play(JudgedVote(FAIR, FixedSize(5)), [batch(5, 4, 4, 6, 5)]).outcome.answer == "5"
    assert play(JudgedVote(FAIR, FixedSize(5)), [batch(5, 4, 4, 6, 7)]).outcome.answer == "4"


@given(
    votes=st.lists(st.integers(0, 3), min_size=1, max_size=9),
    scores=st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4),
    margin=st.sampled_from([0.1, 0.34, 0.6, 1.0]),
)
def test_whatever_the_judge_says_a_lead_of_the_margin_is_never_overruled(
    votes: list[int], scores: list[float], margin: float
) -> None:
    judge = FunctionVerifier(lambda step, sample: scores[int(sample.text[-2])], accept_at=2.0)
    outcome = play(JudgedVote(judge, FixedSize(len(votes)), margin), [batch(*votes)]).outcome
    tally = Tally(tuple(map(str, votes)))
    lead, second = tally.top()
    assert tally.counts[outcome.answer] > lead - margin * len(votes)
    if lead - second >= margin * len(votes):
        assert outcome.answer == tally.leader


def test_accuracy_and_how_often_the_judge_is_paid_follow_the_closed_form() -> None:
    """Of three votes on two answers, two to one is close: there the judge is right with d, however the votes fell."""
    p, d, rng = 0.4, 0.8, random.Random(4)

    def model(ask: Generate) -> SampleBatch:
        return SampleBatch(tuple(Sample("4" if rng.random() < p else "5") for _ in range(ask.n)))

    def verdict(step: Step, sample: Sample) -> float:
        return 0.5 if sample.text == "5" else float(rng.random() < d)

    judged = JudgedVote(FunctionVerifier(verdict, accept_at=2.0), FixedSize(3))
    plays = [simulate(judged, model, PLAIN) for _ in range(800)]
    close = 1.0 - p**3 - (1.0 - p) ** 3
    share, tolerance = rate([played.outcome.answer == "4" for played in plays])
    assert share == pytest.approx(p**3 + close * d, abs=tolerance)
    asked, tolerance = rate([bool(played.events) for played in plays])
    assert asked == pytest.approx(close, abs=tolerance)


def test_samples_that_cannot_vote_win_only_alone() -> None:
    cut = Sample("The answer", "length")
    assert play(JudgedVote(FAIR, FixedSize(2)), [SampleBatch((cut, *batch(4).samples))]).outcome.answer == "4"
    assert play(JudgedVote(FAIR, FixedSize(1)), [SampleBatch((cut,))]).outcome.sample == cut


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_what_came_decides(reply: SampleBatch, stop: str) -> None:
    outcome = play(JudgedVote(FOND_OF_FIVE), [batch(4, 5), reply]).outcome
    assert (outcome.stop, outcome.answer) == (stop, "5")
    assert play(JudgedVote(FAIR), [reply]).outcome == Outcome("judged_vote", outcome.stop)


def test_no_margin_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="above 0"):
        JudgedVote(FAIR, margin=0.0)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: JudgedVote(FOND_OF_FIVE, FixedSize(4)))
