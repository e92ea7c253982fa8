"""The research agent under a cap, with a model that follows the rules, and with ones that do not."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.deep_research import language, scripted
from examples.deep_research.agent import build
from examples.deep_research.effort import PLAIN, Plain
from examples.deep_research.pace import Priced
from examples.deep_research.run import research
from examples.deep_research.state import Research, Run, next_hop, note_data, notes_of
from examples.deep_research.turns import Turns
from tests.examples.deep_research.conftest import Desk
from tts_agent import BudgetExhausted, ConfigurationError
from tts_agent.messages import ToolCall
from tts_agent.nodes import token_budget
from tts_agent.sampling import Sample, SampleRequest

PLENTY = 50_000


def test_with_plenty_to_spend_answers_are_right_unless_the_search_never_shows_the_fact(
    desk: Desk, priced: Priced
) -> None:
    right = 0
    for question in desk.questions:
        turns, model = desk.turns(scripted.reply)
        state, spent = research(question.text, PLENTY, turns, priced)
        answer, claims = language.read_report(state["report"]) or ("", [])
        assert spent.tokens == sum(sample.usage.total for sample in model.samples) < PLENTY
        assert claims == notes_of(state)
        assert not state["assembled"]
        if state.get("undone"):
            missing = str(next_hop(state))
            assert (answer, missing) == (language.UNKNOWN, state["undone"][0].partition(" (")[0])
            assert f"{missing} is {language.UNKNOWN}" in state["report"]
        elif answer == question.answer:
            right += 1
            assert all(note.page in pages for note, pages in zip(claims, question.sources, strict=True))
        else:  # its page was never among the results, an outdated one was
            assert any(note.value != fact.object for note, fact in zip(claims, question.path, strict=True))
    assert right > len(desk.questions) / 2


@given(tokens=st.integers(200, 4000), place=st.integers(0, 14), noise=st.integers(0, 5))
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_budget_and_however_bad_the_model_the_run_ends_inside_it_with_a_report(
    desk: Desk, priced: Priced, tokens: int, place: int, noise: int
) -> None:
    def unreliable(request: SampleRequest, index: int) -> Sample:
        said = scripted.reply(request, index)
        luck = (len(str(request.messages)) * 31 + index) % 6
        return Sample("who knows") if luck < noise else said

    turns, model = desk.turns(unreliable)
    state, spent = research(desk.questions[place].text, tokens, turns, priced)
    assert sum(sample.usage.total for sample in model.samples) <= spent.tokens <= tokens
    answer, claims = language.read_report(state["report"]) or ("", [])
    assert claims == notes_of(state)
    assert answer == (claims[-1].value if claims and not state.get("undone") else language.UNKNOWN)


def test_a_plain_agent_s_run_ends_with_an_error_where_its_budget_ends(desk: Desk) -> None:
    turns, _ = desk.turns(scripted.reply)
    with pytest.raises(BudgetExhausted):
        research(desk.questions[4].text, 600, turns, Plain())


def test_what_no_page_says_is_no_note(desk: Desk, priced: Priced) -> None:
    def invents(request: SampleRequest, index: int) -> Sample:
        said = scripted.reply(request, index)
        return Sample("found atlantis [1]") if said.text.startswith("found") else said

    turns, _ = desk.turns(invents)
    state, _ = research(desk.questions[0].text, PLENTY, turns, priced)
    assert notes_of(state) == []
    assert "no page proves what was found" in state["undone"][0]


def test_a_report_that_claims_more_than_the_notes_is_not_handed_out(desk: Desk, priced: Priced) -> None:
    def embellishes(request: SampleRequest, index: int) -> Sample:
        said = scripted.reply(request, index)
        return Sample(f"{said.text} mayor of selby is elvis [3] .") if said.text.startswith("answer") else said

    turns, _ = desk.turns(embellishes)
    state, _ = research(desk.questions[5].text, PLENTY, turns, priced)
    assert state["assembled"]
    assert "elvis" not in state["report"]
    assert state["report"].startswith(f"answer {desk.questions[5].answer} .")


def test_a_given_plan_and_given_notes_are_taken_up(desk: Desk) -> None:
    question, (turns, model) = desk.questions[5], desk.turns(scripted.reply)
    done, _ = research(question.text, PLENTY, turns, Plain())
    assert not done.get("undone")
    begun: Research = {"question": question.text, "plan": done["plan"], "notes": list(map(note_data, notes_of(done)))}
    calls = len(model.calls)
    with token_budget(None) as budget:
        state = build(turns).invoke(begun, context=Run(budget, Plain()))
    assert state["report"] == done["report"]
    assert len(model.calls) == calls + 1


def test_calls_after_the_last_search_are_not_made(desk: Desk) -> None:
    def searches(request: SampleRequest, index: int) -> Sample:
        said = scripted.reply(request, index)
        if not request.messages[-1].content.startswith(("plan", "write")):
            query = json.dumps({"query": f"again {len(request.messages)}"})
            return Sample("", "tool_calls", (ToolCall("search", query, f"call_{len(request.messages)}"),))
        return said

    turns, model = desk.turns(searches)
    state, _ = research(desk.questions[0].text, PLENTY, turns, Plain(goes_on=True))
    assert (
        sum(line.startswith("search") for line in state["log"]) == PLAIN.searches + 1
    )  # the last one is proposed only
    assert len(model.calls[-2].request.messages) == 2 * PLAIN.searches + 3


@pytest.mark.parametrize(
    ("question", "tokens", "said"), [(" ", 1000, "empty"), ("who is the mayor of selby ?", 20, "20 buy no research")]
)
def test_what_cannot_be_done_is_said_before_the_first_call(
    desk: Desk, priced: Priced, question: str, tokens: int, said: str
) -> None:
    turns, model = desk.turns(scripted.reply)
    with pytest.raises(ConfigurationError, match=said):
        research(question, tokens, turns, priced)
    assert model.calls == []


def test_it_is_drawn_as_it_is_described(desk: Desk) -> None:
    turns: Turns = desk.turns(scripted.reply)[0]
    edges = {(edge.source, edge.target) for edge in build(turns).get_graph().edges}
    assert {("plan", "begin"), ("begin", "ask"), ("ask", "search"), ("search", "ask"), ("reflect", "write")} <= edges
