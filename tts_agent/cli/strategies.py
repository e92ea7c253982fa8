"""`tts-agent strategies`: which strategies there are."""

from __future__ import annotations

from typing import Annotated

import typer

from tts_agent.cli.listing import listing


def strategies(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List all strategies, plug-ins included: name, what it is, needs, source. Example: tts-agent strategies --json"""
    listing("strategies", as_json=as_json)
