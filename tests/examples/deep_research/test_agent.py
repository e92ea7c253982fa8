"""The research agent under a cap, with a model that follows the rules, and with ones that do not."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples.deep_research import language, scripted
from examples.deep_research.agent import build, search_tool
from examples.deep_research.corpus import Page
from examples.deep_research.effort import PLAIN, Effort, Plain
from examples.deep_research.index import Index
from examples.deep_research.pace import Priced
from examples.deep_research.run import research
from examples.deep_research.state import Research, Run, next_hop, note_data, notes_of
from examples.deep_research.turns import Turns
from tests.examples.deep_research.conftest import Desk
from tts_agent import BudgetExhausted, ConfigurationError
from tts_agent.messages import ToolCall
from tts_agent.nodes import token_budget
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.testing.scripted import ScriptedSampler

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


@given(tokens=st.integers(450, 4000), place=st.integers(0, 14), noise=st.integers(0, 5))
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


def test_an_empty_question_is_refused(desk: Desk, priced: Priced) -> None:
    turns, model = desk.turns(scripted.reply)
    with pytest.raises(ConfigurationError, match="empty"):
        research(" ", 1000, turns, priced)
    assert model.calls == []


def test_a_budget_too_small_for_any_answer_is_refused_before_the_first_call_with_one_that_would_do(
    desk: Desk, priced: Priced
) -> None:
    turns, model = desk.turns(scripted.reply)
    question = desk.questions[0].text
    with pytest.raises(BudgetExhausted, match="20 tokens are too few for any answer") as refused:
        research(question, 20, turns, priced)
    assert model.calls == []
    assert refused.value.least == priced.least
    state, _ = research(question, priced.least, turns, priced)
    assert language.read_report(state["report"])


def test_queries_are_written_so_as_to_differ_and_asked_at_once(desk: Desk) -> None:
    conduct = Plain(Effort("check", strict=True, searches=2, queries=2), verifies=True, goes_on=True)
    turns, model = desk.turns(scripted.reply)
    research(desk.questions[0].text, PLENTY, turns, conduct)
    read = next(call.request for call in model.calls if call.request.messages[-1].content == language.ENOUGH)
    (asked,) = (message for message in read.messages if message.role == "assistant")
    assert len({language.read_query(call.arguments) for call in asked.tool_calls}) == 2


def test_what_has_been_otherwise_is_checked_against_a_further_page(priced: Priced) -> None:
    pages = [
        Page(1, "a", "since 1960 karin ritter was born in selby .", ()),
        Page(2, "b", "since 1980 melby is the home town of karin ritter .", ()),
    ]
    said = []
    for checks in (0, 1):
        conduct = Plain(Effort("check", strict=True, searches=1, checks=checks), verifies=True, goes_on=True)
        turns = Turns(ScriptedSampler(scripted.reply), search_tool(Index(pages)))
        state, _ = research("what is the birthplace of karin ritter ?", PLENTY, turns, conduct)
        said.append((notes_of(state)[0].value, sum(line.startswith("search") for line in state["log"])))
    assert said == [("selby", 1), ("melby", 2)]


def test_a_fact_that_was_not_found_is_looked_for_on_from_the_pages_that_were_seen(desk: Desk, priced: Priced) -> None:
    pages = [Page(1, "b", "melby is the home town of karin ritter .", ())]
    model = ScriptedSampler(scripted.reply)
    turns = Turns(model, search_tool(Index(pages)))
    state, _ = research("what is the birthplace of karin ritter ?", 900, turns, priced)
    searches = [line for line in state["log"] if line.startswith("search")]
    assert notes_of(state)[0].value == "melby"
    assert len(searches) == len(set(searches)) == 2


def test_the_class_of_each_turn_is_read_off_the_graph(desk: Desk, priced: Priced) -> None:
    kinds = []
    turns = replace(desk.turns(scripted.reply)[0], on_result=lambda result: kinds.append(result.step.kind))
    research(desk.questions[1].text, PLENTY, turns, priced)
    assert kinds[0] == "plan"
    assert kinds[-1] == "synthesis"
    assert {"query writing", "reading"} <= {*kinds} <= {"plan", "query writing", "reading", "check", "synthesis"}


def test_it_is_drawn_as_it_is_described(desk: Desk) -> None:
    turns: Turns = desk.turns(scripted.reply)[0]
    edges = {(edge.source, edge.target) for edge in build(turns).get_graph().edges}
    assert {("plan", "begin"), ("begin", "query"), ("query", "search"), ("search", "read")} <= edges
    assert {("search", "check"), ("check", "search"), ("read", "reflect"), ("reflect", "write")} <= edges
