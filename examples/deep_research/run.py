"""One question, researched under a hard cap, in memory or in a file that outlives the process."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

from examples.deep_research.agent import WRITE, build
from examples.deep_research.effort import Conduct
from examples.deep_research.state import Research, Run
from examples.deep_research.turns import Turns
from tts_agent import Budget, BudgetExhausted, ConfigurationError
from tts_agent.budget import Amount, SqliteStore
from tts_agent.nodes import token_budget

MOST_STEPS = 2000
"""Of the graph: far more than any budget pays for."""

LEASE = 2.0
"""Seconds after which what a killed process had reserved counts as spent."""


def research(
    question: str, tokens: int, turns: Turns, conduct: Conduct, *, seed: int = 0, keep: Path | None = None
) -> tuple[Research, Amount]:
    """The state at the end, report included, and what was spent: never more than `tokens`.

    Args:
        keep: a SQLite file for checkpoints and ledger. A run that was killed goes on from there, in the same budget:
            calls that were in flight count as spent in full.

    Raises:
        ConfigurationError: the question is empty, or the file is another run's.
        BudgetExhausted: the budget is too small for any answer; its `least` is the smallest that would do.
    """
    if not question.strip():
        raise ConfigurationError("the question is empty: there is nothing to look up")
    if tokens < conduct.least:
        needed = f"it takes {conduct.least} at least"
        raise BudgetExhausted(f"{tokens} tokens are too few for any answer: {needed}", least=conduct.least)
    reserve = conduct.reserve(tokens, turns.report_bound(question, []))
    pace = conduct.pace(reserve)
    begun: Research = {"question": question}
    with ExitStack() as open_:
        saver, store = None, None
        if keep is not None:
            from langgraph.checkpoint.sqlite import SqliteSaver

            saver = open_.enter_context(SqliteSaver.from_conn_string(str(keep)))
            store = SqliteStore(keep.with_suffix(".ledger"), "research", lease_seconds=LEASE)
        graph = build(turns, saver)
        settings: Any = {"recursion_limit": MOST_STEPS, "configurable": {"thread_id": "research"}}
        before = graph.get_state(settings) if saver else None
        if before and before.values:
            if before.values["question"] != question:
                raise ConfigurationError(f"{keep} keeps another run: {before.values['question']!r}")
            if not before.next:
                ledger = Budget(tokens, reserve_final=reserve, pace=pace, store=store)
                return before.values, ledger.spent + ledger.held
        kept: dict[str, Any] = {"limit": tokens, "reserve_final": reserve, "pace": pace}
        if store:
            kept = {"limit": Budget(tokens, reserve_final=reserve, pace=pace, store=store)}
        with token_budget(**kept, final_nodes=(WRITE,)) as budget:
            going_on = before is not None and bool(before.next)
            state: Research = graph.invoke(
                None if going_on else begun,
                settings,
                context=Run(budget, conduct, seed),
                **({"durability": "sync"} if saver else {}),
            )
        return state, budget.spent + budget.held  # held: by a process that was killed, until its lease lapses
