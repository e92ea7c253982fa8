"""Replies in the format of `/v1/responses`, from the chunks of a chat completion: whole, and as a stream of events."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from tts_agent.samplers.chat_wire import read_usage, text_of
from tts_agent.sampling import Usage
from tts_agent.server.completion import chunks
from tts_agent.server.refusal import Refusal
from tts_agent.server.response_output import CallItem, Event, Part, TextItem

REPEATED: Mapping[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "max_tool_calls": None,
    "metadata": {},
    "model": None,
    "parallel_tool_calls": True,
    "reasoning": None,
    "temperature": None,
    "text": {"format": {"type": "text"}},
    "tool_choice": "auto",
    "tools": [],
    "top_logprobs": None,
    "top_p": None,
    "user": None,
}
"""What a response repeats of its request, and what it says where the request does not."""
UNFINISHED = {"length": "max_output_tokens", "content_filter": "content_filter"}
"""Ends of a completion that leave a response incomplete, and what it says of them."""


class ResponseWriter:
    """Writes one response; see `Writer`.

    Args:
        request: the body that asked for it.
    """

    def __init__(self, request: Mapping[str, Any]) -> None:
        said = {name: value for name in REPEATED if (value := request.get(name)) is not None}
        self._response: dict[str, Any] = {
            "id": f"resp_{uuid4().hex}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "in_progress",
            "background": False,
            "error": None,
            "incomplete_details": None,
            "output": [],
            "previous_response_id": None,
            "store": False,
            "truncation": "disabled",
            "usage": None,
            **REPEATED,
            **said,
        }
        self._events = 0
        self._output: list[Event] = []
        self._item: TextItem | CallItem | None = None
        self._call: tuple[object, object] = (None, None)
        """Index and id, as the upstream says them, of the call that is coming."""
        self._unfinished: str | None = None

    def whole(self, reply: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Writer`."""
        for chunk in chunks(reply):
            self.piece(chunk)
        self.end()
        return self._response

    def piece(self, chunk: Mapping[str, Any]) -> bytes:
        """See `Writer`.

        Raises:
            Refusal: the chunk goes back to a call that was over.
        """
        if usage := read_usage(chunk.get("usage")):
            self._response["usage"] = _usage(usage)
        if "tts" in chunk:
            self._response["tts"] = chunk["tts"]
        choice = next((one for one in _list(chunk.get("choices")) if isinstance(one, Mapping)), {})
        self._unfinished = UNFINISHED.get(str(choice.get("finish_reason"))) or self._unfinished
        return self._said(self._begun(), self._read(choice))

    def end(self) -> bytes:
        """See `Writer`."""
        status = "incomplete" if self._unfinished else "completed"
        last = self._said(self._begun(), self._ended(status))
        details = {"reason": self._unfinished} if self._unfinished else None
        self._response |= {"status": status, "incomplete_details": details, "output": self._output}
        return last + self._said([{"type": f"response.{status}", "response": self._response}])

    def broken(self, error: Mapping[str, Any]) -> bytes:
        """See `Writer`: an error for clients that wait for one, and for the others the response's end."""
        said = error.get("error")
        message = said.get("message") if isinstance(said, Mapping) else None
        failure = {"code": "server_error", "message": str(message or "the upstream failed")}
        self._response |= {"status": "failed", "error": failure}
        return self._said([{"type": "error", "error": said}, {"type": "response.failed", "response": self._response}])

    def _said(self, *events: Iterator[Event] | list[Event]) -> bytes:
        pieces = []
        for event in (one for several in events for one in several):
            numbered = json.dumps({**event, "sequence_number": self._events})
            pieces.append(f"event: {event['type']}\ndata: {numbered}\n\n")
            self._events += 1
        return "".join(pieces).encode()

    def _begun(self) -> Iterator[Event]:
        if not self._events:
            for stage in ("created", "in_progress"):
                yield {"type": f"response.{stage}", "response": {**self._response, "usage": None}}

    def _read(self, choice: Mapping[str, Any]) -> Iterator[Event]:
        delta = _mapping(choice.get("delta"))
        yield from self._text("reasoning_text", delta.get("reasoning_content") or delta.get("reasoning"), [])
        yield from self._text("output_text", delta.get("content"), _logprobs(choice.get("logprobs")))
        yield from self._text("refusal", delta.get("refusal"), [])
        for call in _list(delta.get("tool_calls")):
            yield from self._called(_mapping(call))

    def _text(self, part: Part, content: object, logprobs: list[Mapping[str, Any]]) -> Iterator[Event]:
        if not (text := text_of(content)):
            return
        item = self._item
        if not isinstance(item, TextItem) or item.part != part:
            yield from self._ended("completed")
            self._item = item = TextItem(part, len(self._output))
            yield from item.begin()
        yield item.add(text, logprobs)

    def _called(self, call: Mapping[str, Any]) -> Iterator[Event]:
        function, index, identity = _mapping(call.get("function")), call.get("index"), call.get("id") or None
        item = self._item
        if not isinstance(item, CallItem) or index != self._call[0] or identity not in (None, self._call[1]):
            if not isinstance(name := function.get("name"), str):
                raise Refusal(502, "the upstream mixes the pieces of its tool calls", code="upstream_failed")
            yield from self._ended("completed")
            self._call = index, identity
            taken = [one.get("call_id") for one in self._output]
            call_id = identity if isinstance(identity, str) and identity not in taken else f"call_{uuid4().hex}"
            self._item = item = CallItem(name, call_id, len(self._output))
            yield from item.begin()
        if arguments := function.get("arguments"):
            yield item.add(arguments if isinstance(arguments, str) else json.dumps(arguments))

    def _ended(self, status: str) -> Iterator[Event]:
        """The end of the item that is coming, if one is."""
        if self._item is not None:
            yield from self._item.end(status)
            self._output.append(self._item.wire(status))
            self._item = None


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens, "cache_write_tokens": 0},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total,
    }


def _logprobs(said: object) -> list[Mapping[str, Any]]:
    return [one for one in _list(_mapping(said).get("content")) if isinstance(one, Mapping)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
