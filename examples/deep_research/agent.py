"""The research agent: plan, look each fact up, reflect on what was found, write. A graph of LangGraph, under a budget.

::

    plan -> begin -> ask <-> search       one fact: the model searches until it answers, or has to
              ^       |
              +-- reflect                  is it proven by a page, and the latest? on to the next fact, or once more
                      |
                    write                  the report, and what was left undone

Each step asks the run's `Conduct` how much it may spend. What is refused for lack of budget ends the step, and the run
goes on to the report, which the others have left enough for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal, TypeVar

from langchain_core.messages import AIMessage, HumanMessage, RemoveMessage, ToolMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.runtime import Runtime

from examples.deep_research import language
from examples.deep_research.checks import Writing
from examples.deep_research.effort import Effort, Grant, Outlook
from examples.deep_research.index import Index
from examples.deep_research.language import Note
from examples.deep_research.questions import MOST_HOPS
from examples.deep_research.state import Research, Run, effort_of, next_hop, note_data, notes_of
from examples.deep_research.turns import Turns, reading
from tts_agent.exceptions import BudgetExhausted, SamplerError
from tts_agent.nodes import token_budget

T = TypeVar("T")
WRITE = "write"
NO_BUDGET = "for lack of budget"


def search_tool(index: Index) -> BaseTool:
    """The search of an index, as a tool."""

    @tool
    def search(query: str, effort: Annotated[dict[str, Any], InjectedState("effort")]) -> str:
        """Full-text search: the pages that fit best, each with its number."""
        return language.results_text(index.search(query, effort["pages"]))

    return search


def build(turns: Turns, checkpointer: Any = None) -> Any:
    """The graph, compiled. It takes `{"question": ...}`, with a `plan` if there is one, and a `Run` as its context."""
    nodes = _Nodes(turns)
    graph = StateGraph(Research, context_schema=Run)
    graph.add_node("plan", nodes.plan)
    graph.add_node("begin", nodes.begin)
    graph.add_node("ask", nodes.ask)
    graph.add_node("search", nodes.search)
    graph.add_node("reflect", nodes.reflect)
    graph.add_node(WRITE, nodes.write)
    graph.add_conditional_edges(START, _whether_to_plan, ["plan", "begin", WRITE])
    graph.add_conditional_edges("plan", _whether_to_look_up, ["begin", WRITE])
    graph.add_conditional_edges("begin", _whether_to_ask, ["ask", WRITE])
    graph.add_conditional_edges("ask", _whether_to_search, ["search", "reflect"])
    graph.add_conditional_edges("search", _whether_to_go_on, ["ask", "reflect"])
    graph.add_conditional_edges("reflect", _whether_to_look_up, ["begin", WRITE])
    graph.add_edge(WRITE, END)
    return graph.compile(checkpointer=checkpointer)


class _Nodes:
    """What happens in each node."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._tools = ToolNode([turns.search], handle_tool_errors=_tool_failed)

    def plan(self, state: Research, runtime: Runtime[Run]) -> Research:
        run, question = runtime.context, state["question"]
        grant = run.conduct.grant("plan", self._outlook(state, run, todo=MOST_HOPS))
        text, why = _attempt(grant, run, lambda effort: self._turns.plan(question, effort, run.seed))
        hops = language.read_plan(text) if text else None
        if not hops:
            why = why or "the plan cannot be read"
            return {"plan": [], "undone": [f"the plan ({why})"], "log": [f"plan: none ({why})"]}
        return {"plan": list(map(str, hops)), "log": [f"plan: {language.plan_text(hops)}"]}

    def begin(self, state: Research, runtime: Runtime[Run]) -> Research:
        """Begin the search for the next fact, or give it and what comes after it up."""
        run, hop = runtime.context, next_hop(state)
        assert hop is not None
        todo = len(state["plan"]) - len(state.get("notes", []))
        outlook = self._outlook(state, run, todo=todo)
        grant = None if state.get("failed") == NO_BUDGET else run.conduct.grant("find", outlook)
        if grant is None:
            why = state.get("failed") or NO_BUDGET
            return {"undone": [f"{hop} ({why})", *state["plan"][-todo:][1:]], "log": [f"given up: {hop} ({why})"]}
        return {
            "messages": [RemoveMessage(REMOVE_ALL_MESSAGES), HumanMessage(language.find_prompt(hop))],
            "effort": asdict(grant.effort),
            "until": None if grant.tokens is None else run.budget.spent.tokens + grant.tokens,
            "failed": "",
        }

    def ask(self, state: Research, runtime: Runtime[Run]) -> Research:
        run, hop = runtime.context, next_hop(state)
        assert hop is not None
        ask = self._turns.find
        reply, why = _attempt(_rest(state, run), run, lambda effort: ask(hop, state["messages"], effort, run.seed))
        if reply is None:
            return {"failed": why}
        searched = [f"search: {call['args'].get('query')}" for call in reply.tool_calls]
        return {"messages": [reply], "log": searched}

    def search(self, state: Research, runtime: Runtime[Run]) -> Research:
        """Call the tool. Models and agents that it may ask are on what this search has left."""
        found, why = _attempt(_rest(state, runtime.context), runtime.context, lambda _: self._tools.invoke(state))
        return {"messages": found["messages"]} if found else {"failed": why}

    def reflect(self, state: Research, runtime: Runtime[Run]) -> Research:
        """Take what was found down, if it stands."""
        hop, reply = next_hop(state), state["messages"][-1]
        assert hop is not None
        found = language.read_found(str(reply.text)) if isinstance(reply, AIMessage) else None
        why, note = state.get("failed") or "nothing was found", None
        if found and runtime.context.conduct.verifies:
            seen = reading(hop, state["messages"])
            why = seen.objection(found[0]) or ""
            note = None if why else Note(hop, found[0], seen.page(*found))
        elif found:
            note = Note(hop, *found)
        if note is None:
            return {"failed": why, "log": [f"{hop}: {why}"]}
        return {"notes": [*state.get("notes", []), note_data(note)], "log": [f"note: {note}"]}

    def write(self, state: Research, runtime: Runtime[Run]) -> Research:
        run, notes, missing = runtime.context, notes_of(state), next_hop(state)
        writing = Writing(tuple(notes), complete=bool(notes) and missing is None)
        grant = run.conduct.grant("write", self._outlook(state, run, todo=0))
        question = state["question"]
        text, why = _attempt(grant, run, lambda effort: self._turns.write(question, writing, effort, run.seed))
        if run.conduct.always_reports and not (text and writing.accepts(text)):
            told = language.report_text(writing.answer if writing.complete else None, notes, missing)
            log = [f"report: put together from the notes ({why or 'the model did not keep to them'})"]
            return {"report": told, "assembled": True, "log": log}
        return {"report": text or "", "assembled": False, "log": [f"report: {text or why}"]}

    def _outlook(self, state: Research, run: Run, *, todo: int) -> Outlook:
        """What a step may count on. The run's final reserve is for a report without notes: each fact needs more."""
        plan = language.read_plan(" ; ".join(state.get("plan", []))) or []
        bound, question = self._turns.report_bound, state["question"]
        kept = bound(question, plan) - bound(question, []) if todo else 0
        left = run.budget.view().remaining.tokens - kept
        return Outlook(left, todo, effort_of(state) if todo and state.get("failed") else None)


def _rest(state: Research, run: Run) -> Grant:
    """What the search at hand may still do."""
    until = state.get("until")
    return Grant(effort_of(state), None if until is None else until - run.budget.spent.tokens)


def _attempt(grant: Grant | None, run: Run, turn: Callable[[Effort], T]) -> tuple[T | None, str]:
    """What a turn came to under its grant, or why it came to nothing."""
    if grant is None or (grant.tokens is not None and grant.tokens < 1):
        return None, NO_BUDGET
    try:
        with token_budget(grant.tokens):
            return turn(grant.effort), ""
    except BudgetExhausted:
        if not run.conduct.goes_on:
            raise
        return None, NO_BUDGET
    except SamplerError as error:
        return None, f"the model failed: {error}"


def _tool_failed(error: Exception) -> str:
    return f"The search failed: {error}"


def _whether_to_plan(state: Research) -> Literal["plan", "begin", "write"]:
    return _whether_to_look_up(state) if state.get("plan") else "plan"


def _whether_to_look_up(state: Research) -> Literal["begin", "write"]:
    return "begin" if next_hop(state) else "write"


def _whether_to_ask(state: Research) -> Literal["ask", "write"]:
    return "write" if state.get("undone") else "ask"


def _whether_to_go_on(state: Research) -> Literal["ask", "reflect"]:
    return "reflect" if state.get("failed") else "ask"


def _whether_to_search(state: Research) -> Literal["search", "reflect"]:
    last = state["messages"][-1]
    calls = isinstance(last, AIMessage) and last.tool_calls
    searches = sum(isinstance(message, ToolMessage) for message in state["messages"])
    going = calls and not state.get("failed") and searches < effort_of(state).searches
    return "search" if going else "reflect"
