"""What the page at `/` shows: what was spent, decided and gained of late, for whoever asks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import islice
from statistics import fmean
from typing import Any

from tts_agent.budget import AsyncBudget
from tts_agent.budget.amount import UNLIMITED
from tts_agent.server.ledgers import Ledgers
from tts_agent.server.records import Records

MOST_TASKS = 20
"""Ledgers that are shown, the latest first."""
MOST_DECISIONS = 50


async def overview(owner: str, ledgers: Ledgers, records: Records) -> dict[str, Any]:
    """JSON-ready, of this owner alone.

    Raises:
        BudgetUnavailable: the store of the budgets is out of reach.
    """
    spend = []
    for task, ledger in islice(ledgers.of_owner(owner), MOST_TASKS):
        view = await AsyncBudget(ledger).view()
        limit = None if view.limit.tokens >= UNLIMITED else view.limit.tokens
        spend.append({"task": task, "spent": view.spent.tokens, "held": view.held.tokens, "limit": limit})
    decisions = records.decisions(owner)
    short = [{name: said for name, said in one.items() if name != "events"} for one in decisions[:MOST_DECISIONS]]
    return {"spend": spend, "frontier": _frontier(decisions), "decisions": short}


def _frontier(decisions: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Of each strategy and number of samples the mean tokens of an answer, and the mean probability that it is right,
    where votes told."""
    of_each: defaultdict[tuple[str, int], list[Mapping[str, Any]]] = defaultdict(list)
    for one in decisions:
        of_each[one["strategy"], one["samples"]].append(one)
    points = []
    for (strategy, samples), several in of_each.items():
        known = [one["p_correct"] for one in several if one.get("p_correct") is not None]
        tokens = fmean(one["charged_tokens"] for one in several)
        p_correct = fmean(known) if known else None
        drawn = {"strategy": strategy, "samples": samples, "answers": len(several)}
        points.append({**drawn, "tokens": tokens, "p_correct": p_correct})
    return sorted(points, key=lambda point: point["tokens"])
