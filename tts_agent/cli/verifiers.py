"""`tts-agent verifiers`: which verifiers there are."""

from __future__ import annotations

from typing import Annotated

import typer

from tts_agent.cli.listing import listing


def verifiers(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """List all verifiers, plug-ins included: name, what it is, needs, source. Example: tts-agent verifiers --json"""
    listing("verifiers", as_json=as_json)
