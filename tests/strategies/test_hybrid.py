"""k chains of up to r rounds."""

import random
from itertools import count

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, says, simulate
from tts_agent.effects import Generate
from tts_agent.messages import assistant, user
from tts_agent.probability import Beta
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome, Step
from tts_agent.strategies import Hybrid
from tts_agent.strategies.hybrid_shape import BestShape, HybridRates, Shape
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier

RIGHT = FunctionVerifier(lambda step, sample: sample.text == "The answer is 4.")
TASTE = FunctionVerifier(lambda step, sample: int(sample.text[-2]) / 10.0, accept_at=0.9)


def test_chains_are_drawn_together_and_revised_side_by_side_until_one_is_accepted() -> None:
    played = play(Hybrid(RIGHT, Shape(2, 3)), [batch(5, 6), batch(5), batch(4)])
    assert played.sizes == [2, 1, 1]
    told = [ask.request.messages[1:] for ask in played.asked[1:]]
    wrong = user("Your answer is wrong. Correct it in full.")
    assert told == [(assistant(f"The answer is {answer}."), wrong) for answer in (5, 6)]
    outcome = played.outcome
    assert (outcome.stop, outcome.answer, outcome.p_correct, len(outcome.samples)) == ("accepted", "4", 1.0, 4)


def test_a_chain_goes_on_from_its_best_attempt() -> None:
    played = play(Hybrid(TASTE, Shape(1, 2)), [batch(5), batch(3), batch(6)])
    assert played.asked[2].request.messages[1] == assistant("The answer is 5.")
    assert (played.outcome.answer, played.outcome.stop) == ("6", "rounds")


def test_equally_good_attempts_are_decided_by_votes_among_the_chains() -> None:
    assert play(Hybrid(RIGHT, Shape(3, 0)), [batch(5, 6, 6)]).outcome.answer == "6"


def test_samples_drawn_before_begin_the_chains() -> None:
    played = play(Hybrid(TASTE, Shape(2, 1)), [batch(1), batch(1)], STEP.with_drawn((says(2), says(5), says(3))))
    assert [ask.request.messages[1].content[-2] for ask in played.asked] == ["5", "3"]
    assert play(Hybrid(RIGHT, Shape(2, 1)), [batch(4)], STEP.with_drawn((says(5),))).sizes == [1]


def test_the_shape_follows_the_difficulty_of_the_step() -> None:
    best = BestShape(HybridRates(0.6, 0.1), 0.02)
    for belief in (Beta(1.0, 9.0), Beta(9.0, 1.0)):
        step = Step(STEP.messages, 8, difficulty=belief)
        played = simulate(Hybrid(RIGHT, best), lambda ask: batch(*[5] * ask.n), step)
        shape = best.choose(belief)
        assert len(played.outcome.samples) == shape.chains * (shape.rounds + 1)


def test_accuracy_and_calls_follow_the_closed_form_with_a_verifier_that_errs() -> None:
    p, known, shape, rng = 0.3, HybridRates(0.25, 0.15, 0.8, 0.1), Shape(3, 2), random.Random(7)
    number = count()

    def attempt(is_right: bool) -> Sample:  # every text is another, so that votes decide nothing
        accepted = rng.random() < (known.accepts_right if is_right else known.accepts_wrong)
        return Sample(f"{'right' if is_right else 'wrong'} {'yes' if accepted else 'no'} {next(number)}")

    def model(ask: Generate) -> SampleBatch:
        said = ask.request.messages[1:]
        if not said:
            return SampleBatch(tuple(attempt(rng.random() < p) for _ in range(ask.n)))
        was_right = said[0].content.startswith("right")
        return SampleBatch((attempt(rng.random() < (1.0 - known.broken if was_right else known.fix)),))

    strategy = Hybrid(FunctionVerifier(lambda step, sample: "yes" in sample.text), shape)
    plays = [simulate(strategy, model, PLAIN) for _ in range(1500)]
    forecast = known.forecast(p, shape)
    share, tolerance = rate(
        [played.outcome.sample.text.startswith("right") for played in plays if played.outcome.sample]
    )
    assert share == pytest.approx(forecast.right, abs=tolerance)
    calls = [sum(played.sizes) for played in plays]
    mean = sum(calls) / len(calls)
    spread = (sum((n - mean) ** 2 for n in calls) / len(calls) ** 2) ** 0.5
    assert mean == pytest.approx(forecast.tokens, abs=4.0 * spread)


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_the_best_stands_when_no_more_comes(reply: SampleBatch, stop: str) -> None:
    outcome = play(Hybrid(TASTE, Shape(2, 2)), [batch(3, 5), reply, reply]).outcome
    assert (outcome.stop, outcome.answer) == (stop, "5")
    assert play(Hybrid(TASTE, Shape(2, 2)), [reply]).outcome == Outcome("hybrid", outcome.stop)


def test_a_chain_that_gets_no_reply_waits_and_the_others_go_on() -> None:
    played = play(Hybrid(TASTE, Shape(2, 2)), [batch(3, 5), NO_LUCK, batch(6), batch(7), batch(1)])
    assert [ask.request.messages[1].content[-2] for ask in played.asked[1:]] == ["5", "3", "5", "6"]
    assert played.outcome.answer == "7"


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: Hybrid(RIGHT, Shape(2, 2)))
    check_strategy(lambda: Hybrid(FunctionVerifier(lambda step, sample: "4" in sample.text), Shape(3, 1)))
