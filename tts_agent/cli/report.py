"""`tts-agent report`: what a run spent, where, what that bought, and which limit stopped which task."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.record_file import read_records
from tts_agent.learning.spending import by_class, limited
from tts_agent.learning.spending_page import COLUMNS, cells, page

SHOWN = 10
"""Stopped steps on the terminal; the page has more."""


def report(
    run: Annotated[
        Path, typer.Argument(help="Records of decisions: what a Recorder wrote (`on_result=Recorder(...)`).")
    ],
    html: Annotated[Path | None, typer.Option(help="Write the report to this HTML file too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Say what RUN spent per class of steps. Example: tts-agent report records.sqlite --html report.html"""
    records = read_records(run)
    if not records:
        raise ConfigurationError(f"{run} holds no records: nothing was recorded yet")
    rows, stopped = by_class(records), limited(records)
    if html is not None:
        if not html.parent.is_dir():
            raise ConfigurationError(f"--html {html}: there is no folder {html.parent}")
        html.write_text(page(run.name, rows, stopped), encoding="utf-8")
    if as_json:
        print(json.dumps({"classes": list(map(asdict, rows)), "limited": list(map(asdict, stopped))}, indent=2))
        return
    console = Console()
    table = Table(box=SIMPLE, pad_edge=False, collapse_padding=True)
    for column in COLUMNS:
        table.add_column(column)
    for row in cells(rows):
        table.add_row(*row)
    console.print(table)
    for each in stopped[:SHOWN]:
        console.print(f"{each.task} ({each.kind}) was stopped by: {each.limit}", highlight=False, soft_wrap=True)
    if len(stopped) > SHOWN:
        console.print(f"and {len(stopped) - SHOWN:,} more steps that a limit stopped", highlight=False)
