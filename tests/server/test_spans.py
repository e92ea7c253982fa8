"""Spans of requests, as an SDK of OpenTelemetry gets them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tts_agent.exceptions import RateLimited
from tts_agent.server import Embedded, Upstream, create_app
from tts_agent.server.spans import Spans
from tts_agent.testing.scripted import ScriptedSampler

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
ASK: dict[str, Any] = {
    "model": "scripted",
    "messages": [{"role": "user", "content": "a secret question"}],
    "max_tokens": 50,
    "temperature": 0.5,
    "tts": {"policy": "parallel", "max_samples": 3},
}


def span_of(sampler: ScriptedSampler, path: str = "chat/completions", **further: Any) -> ReadableSpan:
    """The one span of one request."""
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    app = create_app(Embedded(sampler), tracer_provider=provider)

    async def ask() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://any") as client:
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            await client.post(f"/v1/{path}", json={**ASK, **further}, headers=headers)

    asyncio.run(ask())
    (span,) = exporter.get_finished_spans()
    return span


@pytest.mark.parametrize("path", ["chat/completions", "responses"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_is_a_span_by_the_conventions_without_its_text(path: str, stream: bool) -> None:
    asked = {"input": "a secret question", "max_output_tokens": 50} if path == "responses" else {}
    span = span_of(ScriptedSampler(lambda _request, _index: "a secret answer"), path, stream=stream, **asked)
    attributes = dict(span.attributes or {})
    assert span.name == "chat scripted"
    assert attributes.pop("tts.decision")
    assert attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "scripted",
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 9,
        "gen_ai.usage.output_tokens": 9,
        "tts.strategy": "self_consistency",
        "tts.samples": 3,
        "tts.charged_tokens": 18,
    }
    assert "secret" not in span.to_json()


def test_it_is_inside_the_span_of_its_client() -> None:
    span = span_of(ScriptedSampler(["4"] * 3))
    assert span.parent
    assert (f"{span.parent.trace_id:032x}", f"{span.parent.span_id:016x}") == (TRACE, PARENT)


def test_the_upstream_is_asked_inside_that_span(mount: Callable[[ASGIApp], str]) -> None:
    seen: list[Headers] = []

    async def complete(request: Request) -> Response:
        seen.append(request.headers)
        return Response('{"choices": [{"message": {"content": "4"}}]}', media_type="application/json")

    url = mount(Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])]))
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    async def ask() -> None:
        source = Upstream(url)
        transport = httpx.ASGITransport(create_app(source, tracer_provider=provider))
        async with httpx.AsyncClient(transport=transport, base_url="http://any") as client:
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "its=own"}
            (await client.post("/v1/chat/completions", json=ASK, headers=headers)).raise_for_status()
        await source.close()

    asyncio.run(ask())
    (span,) = exporter.get_finished_spans()
    assert span.context
    assert {one["traceparent"] for one in seen} == {f"00-{TRACE}-{span.context.span_id:016x}-01"}
    assert {one["tracestate"] for one in seen} == {"its=own"}


def test_without_the_extra_the_client_is_the_parent_of_the_upstream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    spans, parent = Spans(), f"00-{TRACE}-{PARENT}-01"
    assert spans.onward({"traceparent": parent, "tracestate": "a=b", "cookie": "c"}) == {
        "traceparent": parent,
        "tracestate": "a=b",
    }
    assert spans.onward({"traceparent": parent, "tracestate": "a\nb"}) == {"traceparent": parent}
    assert spans.onward({"traceparent": "nonsense", "tracestate": "a=b"}) == {}


def test_a_request_that_failed_says_with_which_status() -> None:
    span = span_of(ScriptedSampler(lambda _request, _index: RateLimited("later", retry_after=99.0)))
    assert span.attributes
    assert span.attributes["error.type"] == "429"
    assert span.status.status_code is StatusCode.ERROR
