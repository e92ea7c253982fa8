"""The model chooses the most consistent of its replies."""

import random
from dataclasses import replace

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, PLAIN, STEP, batch, play, rate, says, simulate
from tts_agent.effects import Generate
from tts_agent.messages import assistant, user
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.stopping import FixedSize
from tts_agent.strategies import UniversalSelfConsistency
from tts_agent.testing.conformance import check_strategy


def chooses(text: str) -> Outcome:
    """The outcome of three different replies and this choice."""
    return play(UniversalSelfConsistency(FixedSize(3)), [batch("a", "b", "c"), SampleBatch((Sample(text),))]).outcome


@pytest.mark.parametrize(
    ("text", "winner"),
    [
        ("Response 2", 1),
        ("Responses 1 and 3 differ, but most say b.\n**Response 2**", 1),
        ("The most consistent response is Response #3.", 2),
        ("response: 1", 0),
        ("Response 4", 0),  # there is none: the majority, else the first
        ("Response 0", 0),
        ("I cannot say.", 0),
    ],
)
def test_the_last_response_named_wins(text: str, winner: int) -> None:
    outcome = chooses(text)
    assert outcome.sample is outcome.samples[winner]
    assert (outcome.stop, len(outcome.samples)) == ("settled", 3)


def test_the_choice_reads_the_replies_after_the_question_without_tools_and_forced_forms() -> None:
    options = {"response_format": "json", "effort": "low"}
    step = replace(STEP, tools=({"name": "search"},), stop=("\n",), options=options, final=True)
    played = play(UniversalSelfConsistency(FixedSize(3), "Which of {n}?"), [batch("a", "b", "c"), NO_BUDGET], step)
    asked = played.asked[1]
    listed = "\n\n".join(f"Response {i}:\nThe answer is {said}." for i, said in enumerate("abc", start=1))
    assert asked.request.messages == (*STEP.messages, assistant(listed), user("Which of 3?"))
    assert (asked.request.tools, asked.request.stop, asked.request.options) == ((), (), {"effort": "low"})
    assert (asked.n, asked.final) == (1, True)


def test_replies_that_are_cut_off_are_not_shown() -> None:
    cut = Sample("The answer", "length")
    replies = SampleBatch((cut, *batch("a", "b", "c").samples))
    outcome = play(UniversalSelfConsistency(FixedSize(4)), [replies, SampleBatch((Sample("Response 1"),))]).outcome
    assert outcome.sample == says("a")


def test_accuracy_and_calls_follow_the_closed_form_with_a_choice_that_errs() -> None:
    """Three replies of two kinds: where they differ, one more call names a right one with probability d."""
    p, d, rng = 0.4, 0.7, random.Random(8)

    def model(ask: Generate) -> SampleBatch:
        if ask.n == 3:
            return SampleBatch(tuple(Sample("4" if rng.random() < p else "5") for _ in range(3)))
        right = [text == "4" for text in ask.request.messages[-2].content.split()[2::3]]
        return SampleBatch((Sample(f"Response {right.index(rng.random() < d) + 1}"),))

    plays = [simulate(UniversalSelfConsistency(FixedSize(3)), model, PLAIN) for _ in range(800)]
    differ = 1.0 - p**3 - (1.0 - p) ** 3
    share, tolerance = rate([played.outcome.answer == "4" for played in plays])
    assert share == pytest.approx(p**3 + differ * d, abs=tolerance)
    chosen, tolerance = rate([len(played.asked) == 2 for played in plays])
    assert chosen == pytest.approx(differ, abs=tolerance)


def test_nobody_is_asked_where_all_agree_or_only_two_are_there() -> None:
    assert play(UniversalSelfConsistency(FixedSize(3)), [batch("a", "a", "a")]).outcome.answer == "a"
    assert play(UniversalSelfConsistency(FixedSize(2)), [batch("a", "b")]).outcome.answer == "a"


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_where_the_choice_does_not_come_the_majority_wins(reply: SampleBatch, stop: str) -> None:
    outcome = play(UniversalSelfConsistency(FixedSize(3)), [batch("a", "b", "b"), reply]).outcome
    assert (outcome.stop, outcome.answer) == (stop, "b")
    assert play(UniversalSelfConsistency(), [reply]).outcome == Outcome("universal_self_consistency", outcome.stop)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: UniversalSelfConsistency(FixedSize(4)))
