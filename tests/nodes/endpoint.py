"""A chat completions endpoint on the loopback interface that says what a test tells it to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One completion, or a refusal when `status` is not 200."""

    text: str = ""
    finish: str = "stop"
    tool_calls: tuple[tuple[str, str], ...] = ()
    """Name and arguments (JSON text) of each call."""
    prompt_tokens: int = 10
    output_tokens: int = 5
    """Before the cap of the request, which this endpoint honours."""
    usage: bool = True
    """Whether the endpoint says what it bills."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


Script = Callable[[dict[str, Any], int], Reply | str]
"""From a request's body and its number, counted from 0, to what is said."""


@dataclass
class Endpoint:
    """The running endpoint, and everything it was asked."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    billed: int = 0
    """Tokens."""
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def serving(script: Script) -> Iterator[Endpoint]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with endpoint.lock:
                number = len(endpoint.requests)
                endpoint.requests.append(body)
            said = script(body, number)
            reply = Reply(said) if isinstance(said, str) else said
            data = _error() if reply.status != 200 else _completion(reply, body)
            if "usage" in data:
                with endpoint.lock:
                    endpoint.billed += data["usage"]["total_tokens"]
            payload = json.dumps(data).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        server.block_on_close = False
        endpoint = Endpoint(f"http://127.0.0.1:{server.server_port}/v1")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield endpoint
        finally:
            server.shutdown()
            thread.join()


def _completion(reply: Reply, body: dict[str, Any]) -> dict[str, Any]:
    cap = body.get("max_completion_tokens", body.get("max_tokens", reply.output_tokens))
    calls = [
        {"id": f"call_{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
        for number, (name, arguments) in enumerate(reply.tool_calls)
    ]
    message = {"role": "assistant", "content": reply.text, **({"tool_calls": calls} if calls else {})}
    output = min(reply.output_tokens, cap)
    completion = {
        "id": "completion",
        "object": "chat.completion",
        "created": 0,
        "model": body["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": reply.finish}] * body.get("n", 1),
    }
    if reply.usage:
        completion["usage"] = {
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": output,
            "total_tokens": reply.prompt_tokens + output,
        }
    return completion


def _error() -> dict[str, Any]:
    return {"error": {"message": "no, and your key is sk-secret", "type": "refused", "code": None}}
