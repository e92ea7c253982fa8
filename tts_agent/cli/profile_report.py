"""What `tts-agent profile` says at its end, or instead of calls."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from tts_agent.budget import Tariff
from tts_agent.learning.item import Item
from tts_agent.learning.profile_fit import ClassReport
from tts_agent.learning.profile_page import how_found, knee_words
from tts_agent.learning.profiling import Profiled, Profiler

if TYPE_CHECKING:
    from tts_agent.difficulty.clustering import FoundClasses


def estimated(items: list[Item], profiler: Profiler, prices: Tariff | None) -> dict[str, Any]:
    """What profiling would cost at most."""
    prompts = [max(1, sum(len(turn.content.encode()) for turn in item.messages) // 4) for item in items]
    asks = [profiler.most(prompt) for prompt in prompts]
    tokens = sum(ask.n * (ask.prompt_tokens + ask.max_tokens) for ask in asks)
    inputs, outputs = sum(ask.n * ask.prompt_tokens for ask in asks), sum(ask.n * ask.max_tokens for ask in asks)
    return {
        "items": len(items),
        "arms": ", ".join(arm.name for arm in profiler.arms),
        "most_samples": sum(ask.n for ask in asks),
        "most_tokens": tokens,
        **({"most_dollars": (inputs * prices.input + outputs * prices.output) / 1e6} if prices else {}),
        "assumed": "prompts of a quarter of their bytes, every reply of --max-tokens, arms share samples, "
        "calls of a judge not counted",
    }


def show(
    done: Profiled, reports: list[ClassReport], items: int, out: Path, found: FoundClasses | None, *, as_json: bool
) -> None:
    """Print what was found, for people or for machines."""
    if as_json:
        print(json.dumps(_summary(done, reports, items, out, found), ensure_ascii=False, indent=2))
        return
    console = Console()
    ended = "" if done.stop == "done" else f" (ended early: {done.last_error})"
    console.print(f"{len(done.items)} of {items} items, {done.spent.tokens:,} tokens{ended}", highlight=False)
    table = Table(box=SIMPLE, pad_edge=False, collapse_padding=True)
    for column in ("class", "items", "what pays", "knees"):
        table.add_column(column)
    for report in reports:
        knees = "\n".join(knee_words(found) for found in report.whole.ladders.values())
        table.add_row(report.kind, str(report.whole.items), report.whole.winner, knees)
    console.print(table)
    if found:
        console.print(f"{how_found(found)} Each is named by the words that tell it apart.", soft_wrap=True)
    readers = "solve" if found else "solve and demo"
    console.print(f"Left in {out}: profile.json (for {readers} --profile), profile.html", soft_wrap=True)


def _summary(
    done: Profiled, reports: list[ClassReport], items: int, out: Path, found: FoundClasses | None
) -> dict[str, Any]:
    classes = {}
    for report in reports:
        classes[report.kind] = {
            "items": report.whole.items,
            "winner": report.whole.winner,
            **{
                name: {
                    "knee": found.rungs[found.knee.best].name,
                    "knee_interval": [found.rungs[found.knee.low].name, found.rungs[found.knee.high].name],
                    "turn_over": found.turn_over.name if found.turns_over else None,
                }
                for name, found in report.whole.ladders.items()
            },
            "rates": asdict(report.whole.rates) if report.whole.rates else None,
            "fix_rate": report.profile.fix_rate if report.whole.turns else None,
        }
    return {
        "stop": done.stop,
        "items": items,
        "measured": len(done.items),
        "tokens": done.spent.tokens,
        "dollars": done.spent.dollars,
        "last_error": done.last_error,
        "classes": classes,
        "found": None
        if found is None
        else {"strength": found.strength, "typical": dict(zip(found.classes.names, found.typical, strict=True))},
        "out": str(out),
    }
