"""Going on thinking, and answering in time."""

import random

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, simulate
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import ToolCall, assistant
from tts_agent.sampling import Sample, SampleBatch, Usage
from tts_agent.step import Outcome
from tts_agent.strategies import BudgetForcing
from tts_agent.testing.conformance import check_strategy


def said(text: str, finish: str = "stop") -> SampleBatch:
    return SampleBatch((Sample(text, finish, usage=Usage(5, 2), raw="the endpoint's own"),))  # type: ignore[arg-type]


def test_a_reply_that_ends_is_made_to_wait_and_the_longest_one_wins() -> None:
    played = play(BudgetForcing(2), [said("The answer is 5."), said(" no. The answer is 4."), said(" yes, 4.")])
    assert [ask.request.messages[1:] for ask in played.asked] == [
        (),
        (assistant("The answer is 5.\nWait,"),),
        (assistant("The answer is 5.\nWait, no. The answer is 4.\nWait,"),),
    ]
    outcome = played.outcome
    whole = "The answer is 5.\nWait, no. The answer is 4.\nWait, yes, 4."
    assert outcome.sample == Sample(whole, usage=Usage(15, 6))
    assert outcome.sample.raw is None
    assert (outcome.stop, outcome.answer, len(outcome.samples)) == ("done", "4", 3)


def test_an_answer_is_forced_out_of_a_reply_that_was_cut_off() -> None:
    told = {"continue_final_message": True}
    played = play(BudgetForcing(3, ending_tokens=9, options=told), [said("so many words", "length"), said(" 4")])
    request = played.asked[1].request
    assert request.messages[-1] == assistant("so many words\nFinal answer:")
    assert (request.max_tokens, request.stop) == (9, ("\n",))
    assert (played.asked[0].request.options, request.options) == ({}, told)
    assert (played.outcome.answer, played.outcome.sample and played.outcome.sample.valid) == ("4", True)


def test_a_continuation_without_an_answer_leaves_the_reply_standing() -> None:
    replies = [said("The answer is 5."), said(" hm", "length"), said("", "length")]
    assert play(BudgetForcing(), replies).outcome.answer == "5"


def test_a_proposed_call_is_left_alone_and_so_is_a_filtered_reply() -> None:
    call = Sample("", "tool_calls", (ToolCall("add", "{}"),))
    for sample in (call, Sample("no", "content_filter"), Sample("")):
        assert play(BudgetForcing(), [SampleBatch((sample,))]).outcome.sample == sample


def test_accuracy_of_blind_waits_is_that_of_the_chain() -> None:
    p, fix, broken, waits, rng = 0.4, 0.3, 0.1, 3, random.Random(2)

    def model(ask: Generate) -> SampleBatch:
        begun = ask.request.messages[-1]
        if begun.role == "user":
            return said("right" if rng.random() < p else "wrong")
        chance = 1.0 - broken if begun.content.split()[-2] == "right" else fix
        return said(" right" if rng.random() < chance else " wrong")

    outcomes = [simulate(BudgetForcing(waits), model, PLAIN).outcome for _ in range(2000)]
    share, tolerance = rate([bool(outcome.sample and outcome.sample.text.endswith("right")) for outcome in outcomes])
    settled = fix / (fix + broken)
    assert share == pytest.approx(settled + (p - settled) * (1.0 - fix - broken) ** waits, abs=tolerance)


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_the_reply_stands_when_no_more_comes(reply: SampleBatch, stop: str) -> None:
    outcome = play(BudgetForcing(), [batch(4), reply]).outcome
    assert (outcome.stop, outcome.answer) == (stop, "4")
    assert play(BudgetForcing(), [reply]).outcome == Outcome("budget_forcing", outcome.stop)


def test_bad_settings_are_refused() -> None:
    for settings in ({"waits": -1}, {"ending_tokens": 0}, {"wait": " "}, {"ending": ""}):
        with pytest.raises(ConfigurationError, match="budget forcing needs"):
            BudgetForcing(**settings)
    assert play(BudgetForcing(0), [batch(4)], STEP).outcome.answer == "4"


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: BudgetForcing(2))
