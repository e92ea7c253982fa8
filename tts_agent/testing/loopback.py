"""An OpenAI-compatible endpoint on this machine, in front of any sampler, that can misbehave on demand.

It lets a real client, and a framework built on one, be tested without a provider::

    with Loopback(sampler, faults=[Fault(status=429, retry_after="0")]) as endpoint:
        model = SomeChatModel(base_url=endpoint.url, api_key="any")

Not for production: one thread a connection, and a reply is complete before the first piece of it is streamed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import SHUT_RDWR, socket
from threading import Event, Lock, Thread
from typing import Any, Literal, Self

from tts_agent.exceptions import ConfigurationError, RateLimited, RequestRejected, SamplerError
from tts_agent.portal import run_sync
from tts_agent.sampling import SampleBatch, Sampler, SampleRequest
from tts_agent.testing.chat_format import Refusal, read_request, write_reply
from tts_agent.testing.event_stream import EventStream

Answer = Mapping[str, Any] | EventStream | str | None
"""What to send: JSON, a stream, a text as it is; None hangs up."""


@dataclass(frozen=True, slots=True)
class Fault:
    """How to answer one request wrongly. A delay combines with each of the others."""

    delay: float = 0.0
    """Seconds to wait first."""
    status: int | None = None
    """Answer with this HTTP status, `message`, `code` and `retry_after` (text of the Retry-After header)."""
    message: str = "this fault was asked for"
    code: str | None = None
    retry_after: str | None = None
    drop: bool = False
    """Close the connection without an answer."""
    body: str | None = None
    """Answer with this text instead (and 200, if no status is given); it is called HTML unless it begins as
    JSON does."""
    null_usage: bool = False
    """Answer rightly, without saying what it cost."""


class Loopback:
    """Serves `/v1/models` and `/v1/chat/completions` on 127.0.0.1, at `url`, inside a `with` block.

    Args:
        sampler: answers the requests, on the package's background event loop. Each message carries its wire
            form in `raw`; fields that this package has no name for are the request's `options`.
        api_key: a key to insist on (else 401).
        n: what to do about requests for several choices: draw them, draw one, or reject them.
        context_window: tokens; a prompt whose bound exceeds this together with `max_tokens` is rejected.
        faults: what to do wrong, one entry a chat request in order of arrival; None, and everything after the
            last, is served rightly.
    """

    def __init__(
        self,
        sampler: Sampler,
        *,
        api_key: str | None = None,
        n: Literal["honoured", "ignored", "refused"] = "honoured",
        context_window: int | None = None,
        faults: Iterable[Fault | None] = (),
    ) -> None:
        self.requests: list[dict[str, Any]] = []
        """Bodies of the chat requests that were understood, in order of arrival."""
        self.connections = 0
        """Connections accepted."""
        self._sampler = sampler
        self._api_key = api_key
        self._n = n
        self._context_window = context_window
        self._faults = iter(faults)
        self._arrival = Lock()
        self._closing = Event()

    def __enter__(self) -> Self:
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        """Base URL for clients."""
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), name="loopback endpoint")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def authorize(self, header: str | None) -> None:
        """Refuse a wrong key.

        Raises:
            Refusal: 401.
        """
        if self._api_key is not None and header != f"Bearer {self._api_key}":
            raise Refusal(401, "Incorrect API key provided", code="invalid_api_key")

    def models(self) -> dict[str, Any]:
        """The body of `GET /v1/models`."""
        return {"object": "list", "data": [{"id": self._sampler.name, "object": "model"}]}

    def complete(self, text: bytes) -> Answer:
        """The answer to a chat request: JSON data, a stream, text to send as it is, or None to hang up.

        Raises:
            Refusal: the request is wrong, the sampler failed, or the fault says so.
        """
        try:
            body = json.loads(text)
        except ValueError:
            raise Refusal(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise Refusal(400, "the body is not a JSON object")
        with self._arrival:
            self.requests.append(body)
            number = len(self.requests)
            fault = next(self._faults, None) or Fault()
        if self._closing.wait(fault.delay):
            return None
        if fault.status is not None:
            raise Refusal(fault.status, fault.message, code=fault.code, retry_after=fault.retry_after, page=fault.body)
        if fault.drop or fault.body is not None:
            return fault.body
        batch = self._draw(*self._admit(body))
        if fault.null_usage:
            batch = replace(batch, unaccounted=len(batch.samples))
        reply = write_reply(number, self._sampler.name, batch, logprobs=bool(body.get("logprobs")))
        if body.get("stream"):
            return EventStream(reply, usage=bool((body.get("stream_options") or {}).get("include_usage")))
        return reply

    def _admit(self, body: Mapping[str, Any]) -> tuple[SampleRequest, int]:
        model = body.get("model")
        if model != self._sampler.name:
            raise Refusal(404, f"The model `{model}` does not exist", code="model_not_found", param="model")
        request, n = read_request(body)
        if n > 1 and self._n == "refused":
            raise Refusal(400, "n must be 1", param="n")
        wanted = self._sampler.token_bound(request) + request.max_tokens
        if self._context_window is not None and wanted > self._context_window:
            message = f"This model's context is {self._context_window} tokens; the request needs up to {wanted}"
            raise Refusal(400, message, code="context_length_exceeded", param="messages")
        return request, n if self._n == "honoured" else 1

    def _draw(self, request: SampleRequest, n: int) -> SampleBatch:
        try:
            return run_sync(self._sampler.sample(request, n))
        except RateLimited as error:
            wait = None if error.retry_after is None else f"{error.retry_after:g}"
            raise Refusal(429, str(error), code="rate_limit_exceeded", retry_after=wait) from error
        except (ConfigurationError, RequestRejected) as error:
            raise Refusal(400, str(error)) from error
        except SamplerError as error:
            raise Refusal(500, str(error)) from error


class _Server(ThreadingHTTPServer):
    """Keeps connections open between requests, as providers do, and ends them all when it closes."""

    daemon_threads = False  # so that closing waits for them
    request_queue_size = 128

    def __init__(self, loopback: Loopback) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.loopback = loopback
        self._open: set[socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.loopback.connections += 1
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        for connection in self._open.copy():
            with suppress(OSError):  # its client may be faster
                connection.shutdown(SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients may leave at any time
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer("/v1/models", lambda _: self.server.loopback.models())

    def do_POST(self) -> None:
        self._answer("/v1/chat/completions", self.server.loopback.complete)

    def _answer(self, path: str, reply: Callable[[bytes], Answer]) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            if self.path != path:
                raise Refusal(404, f"there is nothing at {self.command} {self.path}")
            self.server.loopback.authorize(self.headers.get("Authorization"))
            answer = reply(body)
        except Refusal as refusal:
            self._send(refusal.status, refusal.body, refusal.retry_after)
            return
        if answer is None:
            self.close_connection = True
        elif isinstance(answer, EventStream):
            self._stream(answer)
        else:
            self._send(200, answer)

    def _stream(self, answer: EventStream) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for event in answer.events():
            self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
        self.wfile.write(b"0\r\n\r\n")

    def _send(self, status: int, answer: Mapping[str, Any] | str, retry_after: str | None = None) -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if text[:1] in "{[" else "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, *_: object) -> None:
        """Say nothing."""
