"""A client and an endpoint with nothing in them, so that what is measured between them is the server under test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from typing import Any

USAGE = {"prompt_tokens": 9, "completion_tokens": 8, "total_tokens": 17}
_COMMON = {"id": "chatcmpl-1", "created": 1, "model": "bare"}
TEXT = "The answer is 42 and nothing else ."


class Broken(Exception):
    """A reply that is not what was asked for."""


class Connected:
    """One connection, which stays open where the server lets it."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Its two ends; opens it where it is not open."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        return self._streams

    def close(self) -> None:
        """It may be opened again."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def post(self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> bytes:
        """The body of the reply, streams included.

        Raises:
            Broken: the status is not 200.
        """
        reader, writer = await self.open()
        data = json.dumps(body).encode()
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._host}:{self._port}", "Content-Type: application/json"]
        lines += [f"Content-Length: {len(data)}", "Authorization: Bearer any"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        status, fields = _head(await reader.readuntil(b"\r\n\r\n"))
        said = await _body(reader, fields)
        if fields.get("connection", "").lower() == "close":
            self.close()
        if status != 200:
            raise Broken(f"{status}: {said[:200]!r}")
        return said


async def _body(reader: asyncio.StreamReader, fields: Mapping[str, str]) -> bytes:
    if "content-length" in fields:
        return await reader.readexactly(int(fields["content-length"]))
    parts = []
    while size := int(await reader.readline(), 16):
        parts.append(await reader.readexactly(size))
        await reader.readline()
    await reader.readline()
    return b"".join(parts)


@asynccontextmanager
async def connected(host: str, port: int) -> AsyncIterator[Connected]:
    """An open connection."""
    line = Connected(host, port)
    await line.open()
    try:
        yield line
    finally:
        line.close()


def serve(latency: float, ready: Connection) -> None:
    """An endpoint that answers after so many seconds; sends its port through `ready`. Runs until it is killed."""
    asyncio.run(_serve(latency, ready))


async def _serve(latency: float, ready: Connection) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                _, fields = _head(await reader.readuntil(b"\r\n\r\n"))
            except (asyncio.IncompleteReadError, ConnectionError):
                writer.close()
                return
            asked = json.loads(await reader.readexactly(int(fields.get("content-length", 0))) or b"{}")
            await asyncio.sleep(latency)
            streams = asked.get("stream")
            said = _stream() if streams else _whole(asked)
            kind = "text/event-stream" if streams else "application/json"
            head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(said)}\r\n\r\n"
            writer.write(head.encode() + said)

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    ready.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _whole(asked: Mapping[str, Any]) -> bytes:
    message = {"role": "assistant", "content": TEXT}
    choices = [{"index": at, "message": message, "finish_reason": "stop"} for at in range(asked.get("n") or 1)]
    return json.dumps({**_COMMON, "object": "chat.completion", "choices": choices, "usage": USAGE}).encode()


def _stream() -> bytes:
    deltas: list[dict[str, Any]] = [{"delta": {"content": f"{word} "}, "finish_reason": None} for word in TEXT.split()]
    deltas.append({"delta": {}, "finish_reason": "stop"})
    common = {**_COMMON, "object": "chat.completion.chunk"}
    events = [{**common, "choices": [{"index": 0, **delta}]} for delta in deltas]
    events.append({**common, "choices": [], "usage": USAGE})
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events) + b"data: [DONE]\n\n"


def _head(text: bytes) -> tuple[int, dict[str, str]]:
    """The status (0 in a request) and the fields, named in lower case."""
    first, *lines = text.decode().strip().split("\r\n")
    words = first.split()
    fields = dict(line.split(":", 1) for line in lines)
    status = int(words[1]) if words[0].startswith("HTTP") else 0
    return status, {name.lower(): value.strip() for name, value in fields.items()}
