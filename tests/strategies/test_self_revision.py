"""One look back, where it is expected to help."""

import random
from dataclasses import replace

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, says, simulate
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import assistant, user
from tts_agent.probability import Beta
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.stopping.refinement import advance, limit
from tts_agent.strategies import SelfRevision
from tts_agent.strategies.self_revision import PROMPT
from tts_agent.testing.conformance import check_strategy

UNSURE, SURE = replace(STEP, difficulty=Beta(2.0, 8.0)), replace(STEP, difficulty=Beta(8.0, 2.0))
REVISE = SelfRevision(fix_rate=0.3, break_rate=0.2)  # pays below .3 / (.3 + .2) = .6


def test_a_hard_step_is_revised_once() -> None:
    played = play(REVISE, [batch(5), batch(4)], UNSURE)
    assert played.asked[1].request.messages == (*STEP.messages, assistant("The answer is 5."), user(PROMPT))
    outcome = played.outcome
    assert (outcome.stop, outcome.answer, outcome.samples) == ("done", "4", (says(5), says(4)))
    assert outcome.p_correct == pytest.approx(0.2 + 0.8 * 0.3 - 0.2 * 0.2)


def test_an_easy_step_is_left_alone() -> None:
    outcome = play(REVISE, [batch(5)], SURE).outcome
    assert (outcome.stop, outcome.answer, outcome.p_correct) == ("done", "5", 0.8)


@pytest.mark.parametrize(("mean", "calls"), [(0.55, 2), (0.6, 1), (0.65, 1)])
def test_the_line_is_the_limit_of_the_chain(mean: float, calls: int) -> None:
    assert limit(0.3, 0.2) == pytest.approx(0.6)
    played = simulate(REVISE, lambda ask: batch(4), replace(STEP, difficulty=Beta.of(mean, 10.0)))
    assert len(played.asked) == calls


def test_without_an_estimate_the_prior_decides() -> None:
    assert len(simulate(SelfRevision(0.3, 0.2, Beta(8.0, 2.0)), lambda ask: batch(4)).asked) == 1
    assert len(simulate(SelfRevision(0.3, 0.2, Beta(2.0, 8.0)), lambda ask: batch(4)).asked) == 2


def test_accuracy_follows_from_pass_rate_fix_rate_and_break_rate() -> None:
    p, fix, broken, rng = 0.35, 0.4, 0.25, random.Random(1)

    def model(ask: Generate) -> SampleBatch:
        chance = p
        if len(ask.request.messages) > 1:
            chance = 1.0 - broken if ask.request.messages[-2].content == "4" else fix
        return SampleBatch((Sample("4" if rng.random() < chance else "5"),))

    step = replace(PLAIN, difficulty=Beta.of(p, 20.0))
    share, tolerance = rate(
        [simulate(SelfRevision(fix, broken), model, step).outcome.answer == "4" for _ in range(2000)]
    )
    assert share == pytest.approx(advance(p, fix, broken), abs=tolerance)
    assert share - tolerance > p


def test_a_revision_without_an_answer_leaves_the_first_standing() -> None:
    cut = Sample("Wait", "length")
    outcome = play(REVISE, [batch(5), SampleBatch((cut,))], UNSURE).outcome
    assert (outcome.answer, outcome.samples, outcome.p_correct) == ("5", (says(5), cut), 0.2)


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_what_there_is_stands_when_no_more_comes(reply: SampleBatch, stop: str) -> None:
    outcome = play(REVISE, [batch(5), reply], UNSURE).outcome
    assert (outcome.stop, outcome.answer, outcome.p_correct) == (stop, "5", 0.2)
    assert play(REVISE, [reply], UNSURE).outcome == Outcome("self_revision", outcome.stop)


def test_after_an_empty_attempt_the_question_is_asked_again() -> None:
    played = play(REVISE, [SampleBatch((Sample(""),)), batch(4)], UNSURE)
    assert played.asked[1].request == STEP.request()


@pytest.mark.parametrize(("fix", "broken"), [(-0.1, 0.1), (0.1, 1.1)])
def test_rates_are_probabilities(fix: float, broken: float) -> None:
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        SelfRevision(fix, broken)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: REVISE)
    check_strategy(lambda: SelfRevision(0.1, 0.5))
