"""Streamed replies of the chat completions format: server-sent events, one chunk of the reply each."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WORDS = re.compile(r"\S+\s*|\s+")


@dataclass(frozen=True, slots=True)
class EventStream:
    """A reply, as `write_reply` made it, to be sent piece by piece."""

    reply: Mapping[str, Any]
    usage: bool
    """Whether a last chunk says what it cost (`stream_options.include_usage`)."""

    def events(self) -> Iterator[bytes]:
        """The body, event by event, up to the closing `[DONE]`."""
        for chunk in self.chunks():
            yield f"data: {json.dumps(chunk)}\n\n".encode()
        yield b"data: [DONE]\n\n"

    def chunks(self) -> Iterator[dict[str, Any]]:
        """The choices word by word, those of several choices in turns; then the usage, where it was asked for."""
        around = {**self.reply, "object": "chat.completion.chunk"}
        nothing = {"usage": None} if self.usage else {}
        del around["usage"], around["choices"]
        pieces = [list(_pieces(choice)) for choice in self.reply["choices"]]
        for turn in range(max(map(len, pieces), default=0)):
            for choice, said in zip(self.reply["choices"], pieces, strict=True):
                if turn < len(said):
                    yield {**around, "choices": [{"index": choice["index"], **said[turn]}], **nothing}
        if self.usage:
            yield {**around, "choices": [], "usage": self.reply["usage"]}


def _pieces(choice: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What each chunk of a choice adds: the role, the words, the calls (name first), the reason for its end."""
    message = choice["message"]
    said: list[dict[str, Any]] = [{"role": "assistant", "content": ""}]
    said += [{"content": word} for word in _WORDS.findall(message["content"])]
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        said.append({"tool_calls": [{**call, "index": index, "function": {"name": function["name"], "arguments": ""}}]})
        arguments = ({"arguments": piece} for piece in _WORDS.findall(function["arguments"]))
        said += [{"tool_calls": [{"index": index, "function": piece}]} for piece in arguments]
    logprobs = choice["logprobs"]  # all at once: nobody reads them one by one
    for delta in said:
        yield {"delta": delta, "finish_reason": None, "logprobs": None}
    yield {"delta": {}, "finish_reason": choice["finish_reason"], "logprobs": logprobs}
