"""Thinking about a context before anybody asks."""

from dataclasses import replace
from math import ceil, inf

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, STEP, Played, batch, perform, play, says
from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, assistant, system, user
from tts_agent.sampling import Sample, SampleBatch, SampleRequest
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single, SleepTime
from tts_agent.strategies.sleep_time import PROMPT, break_even
from tts_agent.testing.conformance import check_strategy
from tts_agent.testing.scripted import ScriptedSampler

DOCUMENT = (system("Be brief."), user("A long report."))
QUESTION = Step((*DOCUMENT, user("What does it say?")), max_tokens=8)
NOTES = SampleBatch((Sample("It says four."),))


def prepared(sleeping: SleepTime, *replies: SampleBatch, context: tuple[Message, ...] = DOCUMENT) -> tuple[str, Played]:
    played, waiting = Played(Outcome("", "done")), list(replies)
    notes = perform(sleeping.prepare(context, max_tokens=64, seed=1), lambda ask: waiting.pop(0), played)
    assert not waiting
    return notes, played


def test_a_context_is_thought_about_once() -> None:
    sleeping = SleepTime(Single(), {})
    notes, played = prepared(sleeping, NOTES)
    asked = played.asked[0].request
    assert (notes, asked.max_tokens, asked.seed) == ("It says four.", 64, 1)
    assert asked.messages == (DOCUMENT[0], user(f"A long report.\n\n{PROMPT}"))
    assert prepared(sleeping)[0] == "It says four.", "nobody is asked again"


def test_questions_about_it_are_answered_with_the_notes() -> None:
    sleeping = SleepTime(SelfConsistency(FixedSize(2)), {})
    prepared(sleeping, NOTES)
    played = play(sleeping, [batch(4, 4)], QUESTION)
    said = played.asked[0].request.messages
    assert said == (
        DOCUMENT[0],
        user(f"A long report.\n\n{PROMPT}"),
        assistant("It says four."),
        user("What does it say?"),
    )
    assert (played.outcome.strategy, played.outcome.answer) == ("sleep_time", "4")


@pytest.mark.parametrize(
    "step",
    [
        replace(QUESTION, messages=(user("Another report."), QUESTION.messages[-1])),
        replace(QUESTION, messages=(DOCUMENT[0], replace(DOCUMENT[1], role="assistant"), QUESTION.messages[-1])),
        replace(
            QUESTION,
            messages=(DOCUMENT[0], Message("user", "A long report.", raw={"content": ["a picture"]}), user("?")),
        ),
        STEP,
    ],
    ids=["other text", "other speaker", "more than text", "no context"],
)
def test_another_context_has_no_notes(step: Step) -> None:
    sleeping = SleepTime(Single(), {})
    prepared(sleeping, NOTES)
    played = play(sleeping, [batch(4)], step)
    assert played.asked[0].request.messages == step.messages


def test_a_frameworks_message_that_is_nothing_but_its_text_is_the_same_context() -> None:
    sleeping = SleepTime(Single(), {})
    prepared(sleeping, NOTES)
    framed = Message("user", "A long report.", raw={"id": "7", "content": "A long report."})
    played = play(sleeping, [batch(4)], replace(QUESTION, messages=(DOCUMENT[0], framed, user("?"))))
    assert assistant("It says four.") in played.asked[0].request.messages


def test_another_prompt_makes_other_notes() -> None:
    notes: dict[str, str] = {}
    prepared(SleepTime(Single(), notes), NOTES)
    prepared(SleepTime(Single(), notes, "Summarize."), NOTES)
    assert len(notes) == 2


@pytest.mark.parametrize("reply", [NO_BUDGET, NO_LUCK, SampleBatch((Sample(" "),))])
def test_nothing_is_kept_where_nothing_came(reply: SampleBatch) -> None:
    notes: dict[str, str] = {}
    assert prepared(SleepTime(Single(), notes), reply)[0] == ""
    assert notes == {}


def test_no_context_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no context"):
        prepared(SleepTime(Single(), {}), context=())


async def test_it_pays_for_itself_after_as_many_questions_as_computed() -> None:
    """With notes the answer is short; without them the model reasons at length. The ledger shows when it pays."""

    def model(request: SampleRequest, index: int) -> str:
        if request.messages[-1].content.endswith(PROMPT):
            return "notes " * 60
        return "4" if len(request.messages) > 3 else "so " * 99 + "4"

    async def spent(*, prepare: bool, questions: int) -> int:
        sleeping, budget = SleepTime(Single(), {}), Budget()
        driver = Driver(ScriptedSampler(model), budget)
        if prepare:
            await driver.run(sleeping.prepare(DOCUMENT))
        for number in range(questions):
            step = Step((*DOCUMENT, user(f"Question {number}?")), max_tokens=100)
            await driver.run(sleeping.run(step))
        return budget.spent.tokens

    preparation = await spent(prepare=True, questions=0)
    without = await spent(prepare=False, questions=1)
    with_notes = await spent(prepare=True, questions=1) - preparation
    uses = break_even(preparation, without, with_notes)
    assert uses > 1.0
    for questions, cheaper in ((ceil(uses) - 1, False), (ceil(uses) + 1, True)):
        paid = await spent(prepare=True, questions=questions) < await spent(prepare=False, questions=questions)
        assert paid is cheaper


def test_break_even_is_the_price_of_the_notes_over_what_each_question_saves() -> None:
    assert break_even(600.0, 100.0, 40.0) == 10.0
    assert break_even(600.0, 100.0, 40.0, idle_price=0.5) == 5.0
    assert break_even(600.0, 40.0, 100.0) == inf
    with pytest.raises(ConfigurationError, match=">= 0"):
        break_even(-1.0, 1.0, 0.0)


def test_what_was_drawn_before_is_there() -> None:
    outcome = play(SleepTime(Single(), {}), step=QUESTION.with_drawn((says(5),))).outcome
    assert outcome.answer == "5"


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: SleepTime(SelfConsistency(FixedSize(2)), {}))
    sleeping = SleepTime(Single(), {})
    prepared(sleeping, NOTES)
    check_strategy(lambda: sleeping, replace(QUESTION, seed=1))
