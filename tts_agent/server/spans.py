"""A span of OpenTelemetry for each request, by the semantic conventions of generative AI. Needs the extra `otel`.

Without it, or where no SDK is set up, nothing is recorded. No text of requests or replies ever is.

https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-spans/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tts_agent.server.answering import Answer
from tts_agent.server.chat_request import ChatRequest

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

TRACEPARENT = re.compile("[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
"""Of version 00 of https://www.w3.org/TR/trace-context/."""


class Spans:
    """Begins a span for each request, inside the one that its `traceparent` header names.

    Args:
        provider: where spans go; None takes the one that the process has set up.
    """

    def __init__(self, provider: TracerProvider | None = None) -> None:
        try:
            from opentelemetry import trace
        except ImportError:
            self._tracer = None
        else:
            self._tracer = trace.get_tracer("tts_agent.server", tracer_provider=provider)

    @contextmanager
    def of(self, request: ChatRequest, headers: Mapping[str, str]) -> Iterator[RequestSpan]:
        """The span of one request, over when the block is. Exceptions that leave the block are named in it."""
        if self._tracer is None:
            yield RequestSpan(None)
            return
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        parent = TraceContextTextMapPropagator().extract(headers)
        name, said = f"chat {request.model}", _said(request)
        with self._tracer.start_as_current_span(
            name, parent, SpanKind.SERVER, said, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield RequestSpan(span)
            except BaseException as error:
                span.set_attribute("error.type", str(getattr(error, "status", type(error).__name__)))
                span.set_status(Status(StatusCode.ERROR))
                raise

    def onward(self, headers: Mapping[str, str]) -> dict[str, str]:
        """The headers that put the upstream's spans inside the current one; without the extra, inside the client's."""
        if self._tracer is None:
            shown = {name: headers.get(name, "") for name in ("traceparent", "tracestate")}
            sent = {name: value for name, value in shown.items() if value and value.isascii() and value.isprintable()}
            return sent if TRACEPARENT.fullmatch(sent.get("traceparent", "")) else {}
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        said: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(said)
        return said


class RequestSpan:
    """What came of a request, for its span; without one, nothing."""

    def __init__(self, span: Span | None) -> None:
        self._span = span

    def abandoned(self) -> None:
        """The client left before the answer came."""
        if self._span is not None:
            self._span.set_attribute("error.type", "client_left")

    def answered(self, identity: str, answer: Answer) -> None:
        """The answer came, and its decision has this id."""
        if self._span is None:
            return
        said: dict[str, Any] = {
            "gen_ai.response.finish_reasons": [sample.finish_reason for sample in answer.samples],
            "tts.decision": identity,
            **{f"tts.{name}": answer.trace[name] for name in ("strategy", "samples", "charged_tokens")},
        }
        if answer.usage is not None:
            said["gen_ai.usage.input_tokens"] = answer.usage.input_tokens
            said["gen_ai.usage.output_tokens"] = answer.usage.output_tokens
        self._span.set_attributes(said)


def _said(request: ChatRequest) -> dict[str, Any]:
    step = request.step
    said = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",  # whose format it is: the conventions ask for that where no more is known
        "gen_ai.request.model": request.model,
        "gen_ai.request.max_tokens": step.max_tokens if request.cap_field else None,
        "gen_ai.request.temperature": step.temperature,
        "gen_ai.request.seed": step.seed,
        "gen_ai.request.choice.count": request.n if request.n > 1 else None,
        "gen_ai.request.stop_sequences": list(step.stop) or None,
    }
    return {name: value for name, value in said.items() if value is not None}
