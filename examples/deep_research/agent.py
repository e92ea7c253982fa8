"""The research agent: plan, look each fact up, reflect on what was found, write. A graph of LangGraph, under a budget.

::

    plan -> begin -> query -> search -> read, check -> reflect -> write
              ^                 ^            |            |
              |                 +------------+            |
              +-------------------------------------------+

One fact after the other: the model searches until it answers, or has to. What has been otherwise before is checked
against further pages. Is it proven by a page, and the latest? Then the next fact, else once more. The report says what
was left undone.

Each step asks the run's `Conduct` how much it may spend. What is refused for lack of budget ends the step, and the run
goes on to the report, which the others have left enough for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, TypeVar

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage
from langchain_core.tools import BaseTool, tool
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.prebuilt import InjectedState, ToolNode
from langgraph.runtime import Runtime

from examples.deep_research import language, routes
from examples.deep_research.checks import Writing
from examples.deep_research.effort import CLASSES, Grant, Kind, Outlook
from examples.deep_research.index import Index
from examples.deep_research.language import Hop, Note
from examples.deep_research.questions import MOST_HOPS
from examples.deep_research.state import Research, Run, effort_of, next_hop, note_data, notes_of
from examples.deep_research.turns import Turns, allowed, reading, searched
from tts_agent.exceptions import BudgetExhausted, SamplerError
from tts_agent.nodes import expect_steps, token_budget

T = TypeVar("T")
Turn = Callable[[Hop, Sequence[BaseMessage], Grant, int], AIMessage]
WRITE = "write"
NO_BUDGET = "for lack of budget"
NOTHING_FOUND = "nothing was found"


def search_tool(index: Index) -> BaseTool:
    """The search of an index, as a tool."""

    @tool
    def search(query: str, effort: Annotated[dict[str, Any], InjectedState("effort")]) -> str:
        """Full-text search: the pages that fit best, each with its number."""
        return language.results_text(index.search(query, effort["pages"], strict=effort["strict"]))

    return search


def build(turns: Turns, checkpointer: Any = None) -> Any:
    """The graph, compiled. It takes `{"question": ...}`, with a `plan` if there is one, and a `Run` as its context."""
    nodes = _Nodes(turns)
    graph = StateGraph(Research, context_schema=Run)
    graph.add_node("plan", nodes.plan)
    graph.add_node("begin", nodes.begin)
    graph.add_node("query", nodes.query)
    graph.add_node("search", nodes.search)
    graph.add_node("read", nodes.read)
    graph.add_node("check", nodes.read)
    graph.add_node("reflect", nodes.reflect)
    graph.add_node(WRITE, nodes.write)
    graph.add_conditional_edges(START, routes.whether_to_plan, ["plan", "begin", WRITE])
    graph.add_conditional_edges("plan", routes.whether_to_look_up, ["begin", WRITE])
    graph.add_conditional_edges("begin", routes.whether_to_ask, ["query", "read", "check", "reflect", WRITE])
    for turn in ("query", "read", "check"):
        graph.add_conditional_edges(turn, routes.whether_to_search, ["search", "reflect"])
    graph.add_conditional_edges("search", routes.whether_to_go_on, ["query", "read", "check", "reflect"])
    graph.add_conditional_edges("reflect", routes.whether_to_look_up, ["begin", WRITE])
    graph.add_edge(WRITE, END)
    return graph.compile(checkpointer=checkpointer)


class _Nodes:
    """What happens in each node."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self._tools = ToolNode([turns.search], handle_tool_errors=_tool_failed)

    def plan(self, state: Research, runtime: Runtime[Run]) -> Research:
        run, question = runtime.context, state["question"]
        grant = self._grant("plan", state, run, todo=MOST_HOPS)
        text, why = _attempt(grant, run, lambda given: self._turns.plan(question, given, run.seed))
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
        grant = None if state.get("failed") == NO_BUDGET else self._grant("find", state, run, todo=todo)
        if grant is None:
            why = state.get("failed") or NO_BUDGET
            return {"undone": [f"{hop} ({why})", *state["plan"][-todo:][1:]], "log": [f"given up: {hop} ({why})"]}
        again = bool(state.get("failed"))
        return {
            "messages": _unanswered(state["messages"]) if again else _fresh(hop),
            "effort": asdict(grant.effort),
            "price": grant.price,
            "until": None if grant.tokens is None else run.budget.spent.tokens + grant.tokens,
            "tries": state["tries"] + 1 if again else 0,
            "failed": "",
        }

    def query(self, state: Research, runtime: Runtime[Run]) -> Research:
        return self._turn(self._turns.query, state, runtime.context)

    def read(self, state: Research, runtime: Runtime[Run]) -> Research:
        return self._turn(self._turns.find, state, runtime.context)

    def _turn(self, turn: Turn, state: Research, run: Run) -> Research:
        hop, seed = next_hop(state), run.seed + state["tries"]
        assert hop is not None
        reply, why = _attempt(_rest(state, run), run, lambda given: turn(hop, state["messages"], given, seed))
        if reply is None:
            return {"failed": why}
        searched = [f"search: {call['args'].get('query')}" for call in reply.tool_calls]
        return {"messages": [reply], "log": searched}

    def search(self, state: Research, runtime: Runtime[Run]) -> Research:
        """Call the tool. Models and agents that it may ask are on what this search has left."""
        run, hop = runtime.context, next_hop(state)
        assert hop is not None
        found, why = _attempt(_rest(state, run), run, lambda _: self._tools.invoke(state))
        if found is None:
            return {"failed": why}
        messages = [*state["messages"], *found["messages"]]
        ended = searched(messages) >= allowed(hop, messages, effort_of(state))
        nothing = run.conduct.verifies and ended and not reading(hop, messages).pages
        return {"messages": found["messages"], "failed": NOTHING_FOUND if nothing else ""}

    def reflect(self, state: Research, runtime: Runtime[Run]) -> Research:
        """Take what was found down, if it stands."""
        hop, reply = next_hop(state), state["messages"][-1]
        assert hop is not None
        found = language.read_found(str(reply.text)) if isinstance(reply, AIMessage) else None
        why, note = state.get("failed") or NOTHING_FOUND, None
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
        grant = self._grant("write", state, run, todo=0)
        question = state["question"]
        text, why = _attempt(grant, run, lambda given: self._turns.write(question, writing, given, run.seed))
        if run.conduct.always_reports and not (text and writing.accepts(text)):
            told = language.report_text(writing.answer if writing.complete else None, notes, missing)
            log = [f"report: put together from the notes ({why or 'the model did not keep to them'})"]
            return {"report": told, "assembled": True, "log": log}
        return {"report": text or "", "assembled": False, "log": [f"report: {text or why}"]}

    def _grant(self, kind: Kind, state: Research, run: Run, *, todo: int) -> Grant | None:
        """What a step may do. The pace is told what is still to come, and asked for the price of a token.

        The run's final reserve is for a report without notes: each fact needs more.
        """
        plan = language.read_plan(" ; ".join(state.get("plan", []))) or []
        bound, question = self._turns.report_bound, state["question"]
        more = bound(question, plan) - bound(question, []) if todo else 0
        last = effort_of(state) if todo and state.get("failed") else None
        outlook = Outlook(run.budget.view().remaining.tokens, todo, last, more)
        if run.budget.paced:
            expect_steps(run.conduct.ahead(kind, outlook))
            outlook = replace(outlook, price=run.budget.view(CLASSES[kind]).price)
        return run.conduct.grant(kind, outlook)


def _rest(state: Research, run: Run) -> Grant:
    """What the search at hand may still do."""
    until = state.get("until")
    return Grant(effort_of(state), None if until is None else until - run.budget.spent.tokens, state["price"])


def _attempt(grant: Grant | None, run: Run, turn: Callable[[Grant], T]) -> tuple[T | None, str]:
    """What a turn came to under its grant, or why it came to nothing."""
    if grant is None or (grant.tokens is not None and grant.tokens < 1):
        return None, NO_BUDGET
    try:
        with token_budget(grant.tokens):
            return turn(grant), ""
    except BudgetExhausted:
        if not run.conduct.goes_on:
            raise
        return None, NO_BUDGET
    except SamplerError as error:
        return None, f"the model failed: {error}"


def _fresh(hop: Hop) -> list[BaseMessage]:
    """In place of the search before."""
    return [RemoveMessage(REMOVE_ALL_MESSAGES), HumanMessage(language.find_prompt(hop))]


def _unanswered(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Takes the answer that did not stand away from a search, which then goes on from the pages that it has seen."""
    last = messages[-1]
    return [RemoveMessage(str(last.id))] if isinstance(last, AIMessage) else []


def _tool_failed(error: Exception) -> str:
    return f"The search failed: {error}"
