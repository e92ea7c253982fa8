"""`tts-agent serve`: an OpenAI-compatible endpoint with adaptive reasoning and caps."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Annotated

import typer

from tts_agent.cli import resolve
from tts_agent.exceptions import ConfigurationError


def serve(
    upstream: Annotated[
        str | None, typer.Option(help="OpenAI-compatible endpoint, /v1 included; its key comes from OPENAI_API_KEY.")
    ] = None,
    embedded: Annotated[bool, typer.Option("--embedded", help="Serve the tiny model of the package instead.")] = False,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    policy: Annotated[str, typer.Option(help="Of requests that name none: single, auto or parallel.")] = "single",
    max_samples: Annotated[int, typer.Option(help="Most samples of one vote.")] = 16,
    key_budget: Annotated[int | None, typer.Option(help="Most tokens that each key may ever spend.")] = None,
    task_budget: Annotated[int | None, typer.Option(help="Most tokens of each task.")] = None,
    reserve_final: Annotated[int, typer.Option(help="Tokens of each task kept for its last answer.")] = 0,
    budget_store: Annotated[
        str | None, typer.Option(help="Where budgets are kept: redis://..., or the path of a SQLite file.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds that one request may take.")] = 600.0,
    notice: Annotated[
        float, typer.Option(min=0, help="Seconds that /readyz says 503 before a server told to stop takes no more.")
    ] = 0.0,
    drain: Annotated[int, typer.Option(min=0, help="Seconds that requests at work get when the server stops.")] = 30,
) -> None:
    """Serve /v1/chat/completions. Clients show one of the keys in TTS_AGENT_KEYS (comma-separated), if it is set."""
    from tts_agent.server import Embedded, Process, Settings, Upstream, create_app

    if embedded == (upstream is not None):
        raise ConfigurationError("give --upstream URL, or --embedded, and not both")
    keys = tuple(key.strip() for key in os.environ.get("TTS_AGENT_KEYS", "").split(",") if key.strip())
    settings = Settings(
        keys=keys,
        policy=policy,
        max_samples=max_samples,
        key_budget=key_budget,
        task_budget=task_budget,
        reserve_final=reserve_final,
        store=budget_store,
        timeout=timeout,
    )
    key = os.environ.get("OPENAI_API_KEY", "").strip() or None
    source = (
        Embedded(resolve.sampler(resolve.EMBEDDED, None))
        if upstream is None
        else Upstream(upstream, key=key, timeout=timeout)
    )
    with suppress(KeyboardInterrupt):  # it has stopped by then
        Process(create_app(source, settings), host, port, notice=notice, drain=drain).run()
