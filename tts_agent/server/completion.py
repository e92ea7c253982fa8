"""Replies in the chat completions format, whole and as a stream."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import uuid4

from tts_agent.sampling import Sample, Usage


class ChatWriter:
    """Says a reply to a chat completions client: as it is."""

    def whole(self, reply: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `Writer`."""
        return reply

    def piece(self, chunk: Mapping[str, Any]) -> bytes:
        """See `Writer`."""
        return b"data: " + json.dumps(chunk).encode() + b"\n\n"

    def end(self) -> bytes:
        """See `Writer`."""
        return b"data: [DONE]\n\n"

    def broken(self, error: Mapping[str, Any]) -> bytes:
        """See `Writer`: the error, and no [DONE]."""
        return self.piece(error)


def completion(model: str, samples: Sequence[Sample], usage: Usage | None, trace: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a reply: the samples as choices, all that was spent for them, and what was decided."""
    return {
        "id": f"chatcmpl-{uuid4().hex}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": [{**choice_of(sample), "index": index} for index, sample in enumerate(samples)],
        "usage": None if usage is None else usage_to_wire(usage),
        "tts": trace,
    }


def usage_to_wire(usage: Usage) -> dict[str, Any]:
    """Tokens as the format counts them."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total,
        "prompt_tokens_details": {"cached_tokens": usage.cached_input_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def chunks(reply: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A finished reply as a stream has it: for each choice its message, then its end; last the usage."""
    around = {**reply, "object": "chat.completion.chunk", "usage": None}
    for place, choice in enumerate(reply["choices"]):
        index = choice.get("index", place)
        message = dict(choice.get("message") or {})
        if isinstance(calls := message.get("tool_calls"), list):
            known = [call for call in calls if isinstance(call, Mapping)]
            message["tool_calls"] = [{**call, "index": number} for number, call in enumerate(known)]
        said = {"index": index, "delta": {"role": "assistant", **message}, "finish_reason": None}
        yield {**around, "choices": [said | {"logprobs": choice.get("logprobs")}]}
        end = {"index": index, "delta": {}, "finish_reason": choice.get("finish_reason"), "logprobs": None}
        yield {**around, "choices": [end]}
    yield {**around, "choices": [], "usage": reply.get("usage")}


def choice_of(sample: Sample) -> dict[str, Any]:
    """The upstream's own choice where there is one: it may hold more than a sample does."""
    if isinstance(sample.raw, Mapping) and isinstance(sample.raw.get("message"), Mapping):
        return dict(sample.raw)
    message: dict[str, Any] = {"role": "assistant", "content": sample.text}
    if sample.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id or f"call_{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for index, call in enumerate(sample.tool_calls)
        ]
    finish = "stop" if sample.finish_reason == "unknown" else sample.finish_reason
    return {"message": message, "finish_reason": finish, "logprobs": None}
