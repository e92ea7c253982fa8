"""The endpoint as an ASGI application."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from tts_agent.exceptions import TTSAgentError
from tts_agent.server.access import Access
from tts_agent.server.completion import ChatWriter
from tts_agent.server.endpoint import Endpoint
from tts_agent.server.ledgers import Ledgers
from tts_agent.server.overview import overview
from tts_agent.server.readiness import Readiness
from tts_agent.server.records import Records
from tts_agent.server.refusal import Refusal, refusal_of
from tts_agent.server.response_request import read_response_request
from tts_agent.server.settings import Settings
from tts_agent.server.source import Source
from tts_agent.server.spans import Spans

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; frame-ancestors 'none'"
}
"""The page needs what is in it and this endpoint, and nothing else."""


def create_app(
    source: Source, settings: Settings | None = None, *, tracer_provider: TracerProvider | None = None
) -> Starlette:
    """The endpoint in front of `source`, for any ASGI server.

    Args:
        source: what answers.
        settings: limits and defaults.
        tracer_provider: where spans go; None takes the one that the process has set up.

    Raises:
        ConfigurationError: the budget store cannot be used.
    """
    settings = settings or Settings()
    records, access = Records(), Access(settings.keys)
    ledgers = Ledgers(settings)
    readiness = Readiness(source, ledgers)
    spans = Spans(tracer_provider)
    chat = Endpoint(lambda body: (body, ChatWriter()), settings, source, ledgers=ledgers, records=records, spans=spans)
    responses = Endpoint(read_response_request, settings, source, ledgers=ledgers, records=records, spans=spans)

    async def models(request: Request) -> Response:
        access.owner(request.headers)
        try:
            return _json(await source.models(access.forwarded(request.headers)))
        except TTSAgentError as error:
            raise refusal_of(error) from error

    async def decision(request: Request) -> Response:
        found = records.decision(request.path_params["id"], access.owner(request.headers))
        if found is None:
            raise Refusal(404, "there is no such decision, or it is too old", code="not_found")
        return _json(found)

    async def shown(request: Request) -> Response:
        try:
            return _json(await overview(access.owner(request.headers), ledgers, records))
        except TTSAgentError as error:
            raise refusal_of(error) from error

    async def page(_: Request) -> Response:
        return HTMLResponse(files("tts_agent.server").joinpath("page.html").read_text("utf-8"), headers=PAGE_HEADERS)

    async def metrics(request: Request) -> Response:
        access.owner(request.headers)
        return Response(records.exposition(), media_type="text/plain; version=0.0.4")

    async def healthy(_: Request) -> Response:
        return _json({"status": "ok"})

    async def ready(_: Request) -> Response:
        missing = await readiness.missing()
        return _json({"status": "not ready", "missing": missing}, 503) if missing else _json({"status": "ok"})

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await source.close()

    app = Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/chat/completions", chat, methods=["POST"]),
            Route("/v1/responses", responses, methods=["POST"]),
            Route("/v1/tts/decisions/{id}", decision),
            Route("/v1/tts/overview", shown),
            Route("/", page),
            Route("/metrics", metrics),
            Route("/healthz", healthy),
            Route("/readyz", ready),
        ],
        exception_handlers={Refusal: _refused},
        lifespan=lifespan,
    )
    app.state.readiness = readiness
    return app


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return _json(error.body, error.status, error.headers)


def _json(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """In ASCII: what clients sent may hold characters that UTF-8 has no bytes for."""
    return Response(json.dumps(body), status, headers, "application/json")
