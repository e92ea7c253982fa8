"""The chat completions format as an endpoint sees it: requests into it, replies out of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, cast, get_args

from tts_agent.messages import Message, Role, ToolCall
from tts_agent.sampling import Sample, SampleBatch, SampleRequest

DEFAULT_MAX_TOKENS = 1024
"""Output tokens of a request that sets no bound."""

HANDLED = frozenset(
    {
        "model",
        "messages",
        "n",
        "max_tokens",
        "max_completion_tokens",
        "temperature",
        "stop",
        "seed",
        "tools",
        "stream",
        "stream_options",
    }
)
"""Fields with a place of their own in a `SampleRequest`; all others become its options."""


class Refusal(Exception):
    """An HTTP error, in OpenAI's form or, as proxies send it, with a `page` of text.

    `code` and `param` are for programs: what is wrong, in which field.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: str | None = None,
        page: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        kind = "invalid_request_error" if status < 500 else "server_error"
        self.body = page or {"error": {"message": message, "type": kind, "param": param, "code": code}}


def read_request(body: Mapping[str, Any]) -> tuple[SampleRequest, int]:
    """The request in the body of a chat completions call, and how many choices it wants.

    Raises:
        Refusal: 400, naming the field that is wrong.
    """
    messages, stop = body.get("messages"), body.get("stop") or ()
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "messages must be a list with at least one message", param="messages")
    cap = "max_tokens" if body.get("max_completion_tokens") is None else "max_completion_tokens"
    request = SampleRequest(
        tuple(_message(message) for message in messages),
        max_tokens=_positive(body, cap, DEFAULT_MAX_TOKENS),
        temperature=body.get("temperature"),
        stop=(stop,) if isinstance(stop, str) else tuple(stop),
        seed=body.get("seed"),
        tools=tuple(body.get("tools") or ()),
        options={name: value for name, value in body.items() if name not in HANDLED},
    )
    return request, _positive(body, "n", 1)


def write_reply(number: int, model: str, batch: SampleBatch, *, logprobs: bool) -> dict[str, Any]:
    """The body that carries a batch. Its usage is null when not all of the bill is known."""
    choices = [
        {
            "index": index,
            "message": _wire_message(sample),
            "finish_reason": None if sample.finish_reason == "unknown" else sample.finish_reason,
            "logprobs": _wire_logprobs(sample) if logprobs else None,
        }
        for index, sample in enumerate(batch.samples)
    ]
    usage = {
        "prompt_tokens": batch.usage.input_tokens,
        "completion_tokens": batch.usage.output_tokens,
        "total_tokens": batch.usage.total,
        "prompt_tokens_details": {"cached_tokens": batch.usage.cached_input_tokens},
        "completion_tokens_details": {"reasoning_tokens": batch.usage.reasoning_tokens},
    }
    return {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model,
        "choices": choices,
        "usage": None if batch.unaccounted else usage,
    }


def _positive(body: Mapping[str, Any], name: str, default: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or value < 1:
        raise Refusal(400, f"{name} must be a whole number of at least 1", param=name)
    return value


def _message(wire: Any) -> Message:
    role = wire.get("role") if isinstance(wire, Mapping) else None
    role = "system" if role == "developer" else role
    if role not in get_args(Role):
        raise Refusal(400, f"a message has the role {role!r}", param="messages")
    content = wire.get("content") or ""
    if isinstance(content, list):
        content = "".join(part.get("text", "") for part in content)
    calls = (
        ToolCall(call["function"]["name"], call["function"]["arguments"], call.get("id"))
        for call in wire.get("tool_calls") or ()
    )
    return Message(cast(Role, role), content, tuple(calls), wire.get("tool_call_id"), raw=wire)


def _wire_message(sample: Sample) -> dict[str, Any]:
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
    return message


def _wire_logprobs(sample: Sample) -> dict[str, Any] | None:
    """The mean as that of each token: a sample remembers no more."""
    if sample.logprob is None:
        return None
    token = {"token": "", "logprob": sample.logprob, "bytes": None, "top_logprobs": []}
    return {"content": [token] * sample.usage.output_tokens}
