"""`POST` of a request for a reply, whole or as a stream, in whichever format it came."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from uuid import uuid4

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from tts_agent.budget import Budget
from tts_agent.exceptions import TTSAgentError
from tts_agent.server.access import Access
from tts_agent.server.answering import Answer, answer
from tts_agent.server.chat_request import ChatRequest, read_json, read_request
from tts_agent.server.completion import chunks, completion
from tts_agent.server.controls import policy_of
from tts_agent.server.ledgers import Ledgers
from tts_agent.server.records import Records
from tts_agent.server.refusal import Refusal, refusal_of
from tts_agent.server.settings import Settings
from tts_agent.server.source import Live, Source
from tts_agent.server.spans import Spans
from tts_agent.server.upstream import Upstream

Work = asyncio.Task[Answer]
MOST_CHUNKS = 64
"""Chunks that wait for a client; while it reads no further, no more is read from the upstream."""


class Writer(Protocol):
    """Says one reply in the format that its client reads. What it is given is in that of chat completions."""

    def whole(self, reply: Mapping[str, Any]) -> Mapping[str, Any]:
        """The body of a reply that is not streamed."""
        ...

    def piece(self, chunk: Mapping[str, Any]) -> bytes:
        """What goes into the stream for one chunk."""
        ...

    def end(self) -> bytes:
        """What says that the stream is whole."""
        ...

    def broken(self, error: Mapping[str, Any]) -> bytes:
        """What says that it is not, when a status can no longer say it."""
        ...


Read = Callable[[dict[str, Any]], tuple[dict[str, Any], Writer]]
"""A request's body as one of chat completions, and what writes the reply to it. Raises Refusal."""


class Endpoint:
    """An ASGI application. Whatever ends a request, its client leaving included, ends its work and settles its bill."""

    def __init__(
        self, read: Read, settings: Settings, source: Source, *, ledgers: Ledgers, records: Records, spans: Spans
    ) -> None:
        self._read_body = read
        self._settings = settings
        self._source = source
        self._ledgers = ledgers
        self._records = records
        self._spans = spans
        self._access = Access(settings.keys)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        status = 499  # as proxies count a client that left
        reply = _Sending(send)
        self._records.at_work += 1
        began = time.monotonic()
        try:
            await self._serve(Request(scope, receive), reply)
            status = 200 if reply.started else 499
        except Refusal as refusal:
            status = refusal.status
            await reply.whole(refusal.status, refusal.body, refusal.headers)
        except (ClientDisconnect, OSError):
            pass  # nobody is there to be told
        finally:
            self._records.at_work -= 1
            self._records.served(status, time.monotonic() - began)

    async def _serve(self, request: Request, reply: _Sending) -> None:
        owner = self._access.owner(request.headers)
        if self._records.at_work > self._settings.max_requests:
            raise Refusal(503, "the server is busy: try again soon", code="busy", retry_after=1.0)
        chat, reply.writer = await self._read(request)
        identity = uuid4().hex
        try:
            ledger = await self._ledgers.of(owner, chat.controls)
        except TTSAgentError as error:
            raise refusal_of(error) from error
        try:
            with self._spans.of(chat, request.headers) as span:
                work, live = self._start(chat, ledger, request.headers)
                gone = asyncio.create_task(_gone(request.receive))
                try:
                    headers = {"X-TTS-Decision": identity}
                    if live is None:
                        await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
                    else:
                        await self._hand_on(reply, live, work, gone, headers)
                    if not work.done():
                        span.abandoned()
                        return
                    done = self._result(work, ledger, identity, owner)
                    span.answered(identity, done)
                    if live is None:
                        trace = {"id": identity, **done.trace}
                        said = completion(chat.model, done.samples, done.usage, trace)
                        await reply.finished(said, chat.stream, headers)
                    else:
                        await reply.end()
                finally:
                    for task in (work, gone):
                        task.cancel()
                    await asyncio.gather(work, gone, return_exceptions=True)
        except Refusal as refusal:
            if not reply.started:
                raise
            await reply.broken(refusal)

    async def _read(self, request: Request) -> tuple[ChatRequest, Writer]:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > self._settings.max_body:
                raise Refusal(413, f"the request is longer than {self._settings.max_body} bytes", code="too_long")
        try:
            chat, writer = self._read_body(read_json(bytes(body)))
            return read_request(chat, request.headers), writer
        except TTSAgentError as error:
            raise refusal_of(error) from error

    def _start(self, chat: ChatRequest, ledger: Budget, headers: Mapping[str, str]) -> tuple[Work, Live | None]:
        controls, settings = chat.controls, self._settings
        most = min(controls.max_samples or settings.max_samples, settings.max_samples)
        policy = policy_of(controls.policy or settings.policy, most)
        streamed = chat.stream and (policy is None or chat.n > 1) and isinstance(self._source, Upstream)
        onward = self._access.forwarded(headers) | self._spans.onward(headers)
        live = Live(MOST_CHUNKS) if streamed else None
        limited = (settings.key_budget, settings.task_budget, controls.budget) != (None, None, None)
        door = self._source.door(chat, onward, capped=limited, live=live)
        return asyncio.create_task(answer(chat, door, ledger, policy)), live

    def _result(self, work: Work, ledger: Budget, identity: str, owner: str) -> Answer:
        try:
            done = work.result()
        except TTSAgentError as error:
            raise refusal_of(error, late=ledger.seconds_left == 0.0) from error
        self._records.decided(
            identity, owner, {"id": identity, "at": time.time(), **done.trace, "events": list(done.events)}
        )
        return done

    async def _hand_on(
        self, reply: _Sending, live: Live, work: Work, gone: asyncio.Task[None], headers: Mapping[str, str]
    ) -> None:
        """Send each chunk as it comes, until the work ends or the client leaves. The first one decides the status."""
        while not (gone.done() or (work.done() and live.empty())):
            if live.empty():
                coming = asyncio.ensure_future(live.get())
                await asyncio.wait({coming, work, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    continue
                chunk = coming.result()
            else:
                chunk = live.get_nowait()
            await reply.start_stream(headers)
            await reply.piece(chunk)


class _Sending:
    """A response being sent."""

    writer: Writer

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def whole(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """JSON, and no more."""
        await self._start(status, {"Content-Type": "application/json", **headers})
        await self._send({"type": "http.response.body", "body": json.dumps(body).encode()})

    async def finished(self, reply: Mapping[str, Any], stream: bool, headers: Mapping[str, str]) -> None:
        """A reply that is complete, in the form that was asked for."""
        if not stream:
            await self.whole(200, self.writer.whole(reply), headers)
            return
        await self.start_stream(headers)
        for chunk in chunks(reply):
            await self.piece(chunk)
        await self.end()

    async def start_stream(self, headers: Mapping[str, str]) -> None:
        """Begin a stream, if it is not begun."""
        if not self.started:
            await self._start(200, {"Content-Type": "text/event-stream", "Cache-Control": "no-cache", **headers})

    async def piece(self, chunk: Mapping[str, Any]) -> None:
        """Some of a stream."""
        await self._send({"type": "http.response.body", "body": self.writer.piece(chunk), "more_body": True})

    async def end(self) -> None:
        """The end of a stream that is whole.

        Raises:
            Refusal: there was no piece of it.
        """
        if not self.started:
            raise Refusal(502, "the upstream's stream was empty", code="upstream_failed")
        await self._send({"type": "http.response.body", "body": self.writer.end()})

    async def broken(self, refusal: Refusal) -> None:
        """The end of one that is not, so that nobody takes it for whole."""
        await self._send({"type": "http.response.body", "body": self.writer.broken(refusal.body)})

    async def _start(self, status: int, headers: Mapping[str, str]) -> None:
        self.started = True
        pairs = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})


async def _gone(receive: Receive) -> None:
    """Returns when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
