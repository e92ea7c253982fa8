"""The commands, one file each."""

from __future__ import annotations

from typing import Annotated

import typer

import tts_agent
from tts_agent.cli.demo import demo
from tts_agent.cli.label import label
from tts_agent.cli.learn import learn
from tts_agent.cli.profile import profile
from tts_agent.cli.replay import replay
from tts_agent.cli.report import report
from tts_agent.cli.serve import serve
from tts_agent.cli.solve import solve
from tts_agent.cli.strategies import strategies
from tts_agent.cli.train import train
from tts_agent.cli.verifiers import verifiers

app = typer.Typer(
    name="tts-agent",
    help="Compute-adaptive reasoning (test-time scaling) under a hard token budget.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(solve)
app.command()(demo)
app.command()(replay)
app.command()(label)
app.command()(profile)
app.command()(report)
app.command()(train)
app.command()(learn)
app.command()(serve)
app.command()(strategies)
app.command()(verifiers)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"tts-agent {tts_agent.__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True)] = False,
) -> None:
    """Compute-adaptive reasoning (test-time scaling) under a hard token budget."""
