"""Best-of-n."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, says, simulate
from tts_agent.effects import Flow, Generate, call
from tts_agent.events import Verified
from tts_agent.probability import Beta
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize, UntilAccepted
from tts_agent.strategies import BestOfN
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier, Verdict

RIGHT = FunctionVerifier(lambda step, sample: sample.text == "The answer is 4.", name="sum")
TASTE = FunctionVerifier(lambda step, sample: {"4": 0.9, "5": 0.5}.get(sample.text[-2], 0.1), accept_at=2.0)
ONE_BY_ONE = UntilAccepted(Beta(1.0, 1.0), 0.0, 5)


def test_it_stops_at_the_first_accepted_sample() -> None:
    played = play(BestOfN(RIGHT, ONE_BY_ONE), [batch(5), batch(4)])
    outcome = played.outcome
    assert (outcome.stop, outcome.answer, outcome.accepted, outcome.p_correct) == ("accepted", "4", True, 1.0)
    assert len(outcome.samples) == 2
    assert played.events == [Verified("sum", (0.0,), 0), Verified("sum", (1.0,), 1)]


def test_without_an_accepted_one_the_best_scored_wins() -> None:
    outcome = play(BestOfN(TASTE, FixedSize(3)), [batch(6, 5, 7)]).outcome
    assert (outcome.stop, outcome.answer, outcome.accepted, outcome.p_correct) == ("settled", "5", False, 0.5)


def test_equal_scores_are_decided_by_votes_and_then_by_order() -> None:
    assert play(BestOfN(TASTE, FixedSize(4)), [batch(6, 7, 8, 7)]).outcome.answer == "7"
    outcome = play(BestOfN(TASTE, FixedSize(2)), [batch(7, 7)]).outcome
    assert outcome.sample is outcome.samples[0]


def test_samples_drawn_before_are_verified_first() -> None:
    played = play(BestOfN(RIGHT, FixedSize(5)), step=STEP.with_drawn((says(5), says(4))))
    assert played.asked == []
    assert played.outcome.accepted
    assert played.outcome.sample is played.outcome.samples[1]


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_it_keeps_the_best_when_no_more_samples_come(reply: SampleBatch, stop: str) -> None:
    outcome = play(BestOfN(TASTE, FixedSize(3)), [batch(6, 5), reply]).outcome
    assert (outcome.stop, outcome.answer) == (stop, "5")
    assert play(BestOfN(TASTE, FixedSize(3)), [reply]).outcome == Outcome("best_of_n", outcome.stop)


def test_a_score_beyond_one_is_not_a_probability_beyond_one() -> None:
    keen = FunctionVerifier(lambda step, sample: 7.5, accept_at=10.0)
    assert play(BestOfN(keen, FixedSize(1)), [batch(4)]).outcome.p_correct == 1.0


def test_a_cut_off_sample_is_never_the_accepted_one() -> None:
    cut = Sample("The answer is 4.", "length")
    outcome = play(BestOfN(RIGHT, FixedSize(1)), [SampleBatch((cut,))]).outcome
    assert (outcome.sample, outcome.accepted, outcome.stop) == (cut, False, "settled")


def test_accuracy_and_calls_one_by_one_follow_the_closed_form_with_a_verifier_that_is_fooled() -> None:
    """Each try is accepted with a = p + (1 - p) e, and then right with p / a; up to n tries are made."""
    p, fooled, n, rng = 0.3, 0.1, 5, random.Random(11)

    def model(ask: Generate) -> SampleBatch:
        right = rng.random() < p
        return SampleBatch((Sample("right" if right else "wrong", raw=right or rng.random() < fooled),))

    verifier = FunctionVerifier(lambda step, sample: bool(sample.raw))
    strategy = BestOfN(verifier, UntilAccepted(Beta(1.0, 1.0), 0.0, n))
    plays = [simulate(strategy, model, PLAIN) for _ in range(800)]
    accepts = p + (1.0 - p) * fooled
    found = 1.0 - (1.0 - accepts) ** n
    share, tolerance = rate([played.outcome.answer == "right" for played in plays])
    assert share == pytest.approx(p / accepts * found, abs=tolerance)
    calls = [float(sum(played.sizes)) for played in plays]
    assert fmean(calls) == pytest.approx(found / accepts, abs=4.0 * stdev(calls) / len(calls) ** 0.5)


def test_a_verifier_that_misses_a_sample_is_an_error_and_not_an_answer() -> None:
    @dataclass(frozen=True)
    class Lazy:
        name: str = "lazy"

        def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
            return (yield from call(lambda: [Verdict(1.0)]))

    with pytest.raises(ValueError, match="shorter"):
        play(BestOfN(Lazy(), FixedSize(2)), [batch(4, 5)])


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: BestOfN(TASTE, FixedSize(3)))
    check_strategy(lambda: BestOfN(RIGHT, ONE_BY_ONE))
