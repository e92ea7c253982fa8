"""`tts-agent report`: what a run spent, where and when, what that bought, and which limit stopped which task."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.record_file import read_records
from tts_agent.learning.spending import by_class, limited
from tts_agent.learning.spending_page import (
    COLUMNS,
    STEP_COLUMNS,
    TASK_COLUMNS,
    TERMS,
    cells,
    page,
    step_cells,
    task_cells,
    task_name,
)
from tts_agent.learning.timeline import Task, tasks, timeline
from tts_agent.routing.profile_file import ProfileFile

SHOWN = 10
"""Stopped steps and tasks on the terminal; the page has more."""
STEPS_SHOWN = 60
"""Likewise of the steps of a task."""
IN_A_LOG = 160
"""Columns where there is no terminal to ask."""
TIMELINES = 20
"""Tasks that the page shows step by step, the dearest ones."""


def report(
    run: Annotated[
        Path, typer.Argument(help="Records of decisions: what a Recorder wrote (`on_result=Recorder(...)`).")
    ],
    task: Annotated[str | None, typer.Option(help="Show this task step by step, here and on the page.")] = None,
    profile: Annotated[
        Path | None, typer.Option(help="profile.json: what is known of the classes, for the worth of further samples.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report to this HTML file too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what RUN spent per class of steps and task by task, and what that bought.

    With --task, or where there is one task only, its steps are shown one by one: the pass@1 that was predicted, what
    was chosen and spent, what bound it, and what the last of its tokens were expected to bring, next to their price.

    The demo's decisions.json is no such RUN: its own tables are in summary.json beside it.

    Example: tts-agent report records.sqlite --html report.html
    """
    records = read_records(run)
    if not records:
        raise ConfigurationError(f"{run} holds no records: nothing was recorded yet")
    if html is not None and not html.parent.is_dir():
        raise ConfigurationError(f"--html {html}: there is no folder {html.parent}")
    profiles = ProfileFile.read(profile).profiles if profile else {}
    rows, stopped, overview = by_class(records), limited(records), tasks(records)
    shown = [each for each in overview if each.name == task] if task is not None else overview[:TIMELINES]
    if not shown:
        raise ConfigurationError(f"--task {task}: {run} has no such task; {_some(overview)}")
    timelines = [(each, timeline(records, each.name, profiles)) for each in shown]
    if html is not None:
        html.write_text(page(run.name, rows, stopped, overview, timelines), encoding="utf-8")
    if as_json:
        said = {
            "classes": list(map(asdict, rows)),
            "limited": list(map(asdict, stopped)),
            "tasks": list(map(asdict, overview)),
            "timelines": [{"task": each.name, "steps": list(map(asdict, moments))} for each, moments in timelines],
        }
        print(json.dumps(said, indent=2))
        return
    console = Console() if sys.stdout.isatty() else Console(width=IN_A_LOG)
    _print(console, COLUMNS, cells(rows))
    for each in stopped[:SHOWN]:
        console.print(f"{each.task} ({each.kind}) was stopped by: {each.limit}", highlight=False, soft_wrap=True)
    _more(console, len(stopped) - SHOWN, "steps that a limit stopped")
    if len(overview) > 1:
        _print(console, TASK_COLUMNS, task_cells(overview[:SHOWN]))
        _more(console, len(overview) - SHOWN, "tasks; --task NAME shows one step by step")
    if task is not None or len(overview) == 1:
        only, moments = timelines[0]
        console.print(f"\n{task_name(only)}, step by step", highlight=False)
        _print(console, STEP_COLUMNS, step_cells(moments[:STEPS_SHOWN]))
        console.print(TERMS, highlight=False)
        _more(console, len(moments) - STEPS_SHOWN, "steps; --html and --json have them all")


def _print(console: Console, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    table = Table(box=SIMPLE, pad_edge=False, collapse_padding=True)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)


def _more(console: Console, number: int, of_what: str) -> None:
    if number > 0:
        console.print(f"and {number:,} more {of_what}", highlight=False)


def _some(overview: Sequence[Task]) -> str:
    names = [repr(each.name) for each in overview if each.name is not None]
    if not names:
        return "no step of it belongs to a task"
    return f"there are {', '.join(names[:5])}" + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
