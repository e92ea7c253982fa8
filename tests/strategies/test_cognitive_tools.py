"""A model that calls itself to think."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.strategies.by_hand import NO_BUDGET, NO_LUCK, STEP, Played, batch, play, says
from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import ToolCall, assistant, user
from tts_agent.sampling import Sample, SampleBatch, SampleRequest
from tts_agent.step import Outcome
from tts_agent.strategies import CognitiveTools
from tts_agent.strategies.cognitive_tools import NOTHING, TOOLS
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_strategy
from tts_agent.testing.scripted import ScriptedSampler

SEARCH: Mapping[str, Any] = {"type": "function", "function": {"name": "search"}}


def calls(*names: str, arguments: str = "{}", text: str = "") -> SampleBatch:
    return SampleBatch((Sample(text, "tool_calls", tuple(ToolCall(name, arguments, id=name) for name in names)),))


def thought(text: str) -> SampleBatch:
    return SampleBatch((Sample(text),))


def offered(played: Played) -> list[list[str]]:
    return [[tool["function"]["name"] for tool in ask.request.tools] for ask in played.asked]


def test_a_reply_that_calls_no_tool_is_the_answer() -> None:
    played = play(CognitiveTools(), [batch(4)], replace(STEP, tools=(SEARCH,)))
    assert offered(played) == [["search", *TOOLS]]
    assert (played.outcome.stop, played.outcome.answer) == ("done", "4")


def test_a_tool_is_a_call_of_its_own_that_sees_the_question_and_what_was_handed_over() -> None:
    called = calls("examine_answer", arguments='{"notes": "2 + 2 = 5"}', text="Hm.")
    played = play(CognitiveTools(), [called, thought("It is 4."), batch(4)])
    aside = played.asked[1].request
    assert aside.messages == (user(f"{STEP.text}\n\n{TOOLS['examine_answer']}\n\n2 + 2 = 5"),)
    assert aside.tools == ()
    assert played.asked[2].request.messages[1:] == (
        assistant('Hm.\nexamine_answer({"notes":"2 + 2 = 5"})'),
        user("examine_answer:\nIt is 4."),
    )
    assert played.outcome.samples == (says(4),), "what the model said on the way is no answer"


@pytest.mark.parametrize(
    ("arguments", "handed_over"),
    [("", ""), ("{}", ""), ("[1]", "[1]"), ("not json", "not json"), ('{"notes": 7}', "7")],
)
def test_arguments_in_any_form_are_handed_over(arguments: str, handed_over: str) -> None:
    played = play(CognitiveTools(), [calls("backtracking", arguments=arguments), thought("Yes."), batch(4)])
    assert (
        played.asked[1].request.messages[0].content
        == f"{STEP.text}\n\n{TOOLS['backtracking']}\n\n{handed_over}".strip()
    )


def test_several_tools_are_called_together_and_their_number_is_bounded() -> None:
    twice = calls("understand_question", "recall_related")
    played = play(CognitiveTools(3), [twice, thought("a"), thought("b"), twice, thought("c"), batch(4)])
    names = list(TOOLS)
    assert offered(played) == [names, [], [], names, [], []]
    assert played.asked[3].request.messages[-1] == user("understand_question:\na\n\nrecall_related:\nb")


def test_a_model_that_never_stops_calling_is_taken_at_its_word() -> None:
    again = calls("backtracking")
    outcome = play(CognitiveTools(1), [again, thought("a"), again]).outcome
    assert outcome.sample is again.samples[0]


def test_calls_of_the_steps_own_tools_are_the_answer() -> None:
    proposed = calls("search")
    outcome = play(CognitiveTools(), [proposed], replace(STEP, tools=(SEARCH,))).outcome
    assert outcome.sample is proposed.samples[0]


@pytest.mark.parametrize("reply", [NO_BUDGET, NO_LUCK, thought(" ")])
def test_when_nothing_comes_of_a_call_the_answer_is_asked_for(reply: SampleBatch) -> None:
    played = play(CognitiveTools(), [calls("backtracking"), reply, batch(4)])
    assert offered(played)[-1] == []
    assert played.asked[2].request.messages[-1] == user(NOTHING)
    assert played.outcome.answer == "4"


@pytest.mark.parametrize(("reply", "stop"), [(NO_BUDGET, "budget"), (NO_LUCK, "failed")])
def test_without_an_answer_what_was_drawn_before_stands(reply: SampleBatch, stop: str) -> None:
    outcome = play(CognitiveTools(), [calls("backtracking"), thought("a"), reply], STEP.with_drawn((says(5),))).outcome
    assert (outcome.stop, outcome.answer) == (stop, "5")
    assert play(CognitiveTools(), [reply]).outcome == Outcome("cognitive_tools", outcome.stop)


async def test_the_budget_may_end_at_any_point_of_the_conversation() -> None:
    def model(request: SampleRequest, index: int) -> Sample:
        if not request.tools:
            return Sample("The answer is 4." if len(request.messages) > 1 else "It is easy.")
        return calls("understand_question", "recall_related").samples[0]

    async def run(budget: Budget) -> Outcome:
        return await Driver(ScriptedSampler(model), budget, min_tokens=1).run(CognitiveTools(3).run(STEP))

    whole = CheckedBudget()
    assert (await run(whole)).answer == "4"
    stops = set()
    for tokens in range(1, whole.spent.tokens + STEP.max_tokens):
        budget = CheckedBudget(tokens)
        outcome = await run(budget)
        stops.add(outcome.stop)
        assert (outcome.sample is None) == (outcome.stop == "budget")
        assert budget.held.tokens == 0
    assert stops == {"budget", "done"}


@pytest.mark.parametrize(("most", "tools"), [(0, TOOLS), (1, {})])
def test_nothing_to_call_is_refused(most: int, tools: Mapping[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="at least one tool"):
        CognitiveTools(most, tools)


def test_it_keeps_the_contract() -> None:
    check_strategy(CognitiveTools)
