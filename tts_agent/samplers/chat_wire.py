"""The chat completions format: messages and requests into it, replies out of it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tts_agent.exceptions import SamplerError
from tts_agent.messages import Message, ToolCall
from tts_agent.sampling import FinishReason, Sample, SampleBatch, Usage, split

FINISH_REASONS: Mapping[object, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one HTTP request."""

    samples: tuple[Sample, ...]
    usage: Usage | None
    """The whole request's bill; None when the endpoint did not say."""


def message_to_wire(message: Message) -> dict[str, Any]:
    """The message as JSON-ready data. A mapping in `raw` is the endpoint's own form and goes out unchanged."""
    if isinstance(message.raw, Mapping):
        return dict(message.raw)
    wire: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        wire["content"] = message.content or None
        wire["tool_calls"] = [
            {
                "id": call.id or f"call_{index}",
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for index, call in enumerate(message.tool_calls)
        ]
    if message.tool_call_id is not None:
        wire["tool_call_id"] = message.tool_call_id
    return wire


def read_reply(body: str) -> Reply:
    """Parse the body of a successful response.

    With several choices there is one bill. Each sample is given the whole prompt, as if it had been asked for
    alone, and a share of the output: in proportion to its tokens where log-probabilities tell how many there
    are (exact when they add up to the bill), else to the length of what it says.

    Raises:
        ValueError: it is no chat completion, or reports a failure half-way; the message says what is wrong.
    """
    try:
        data = json.loads(body)
    except ValueError:
        raise ValueError("it is not JSON") from None
    choices = _mapping(data).get("choices")
    if not isinstance(choices, list) or not choices:
        raise ValueError(_mapping(_mapping(data).get("error")).get("message") or "it has no choices")
    choices = [_mapping(choice) for choice in choices]
    if any(choice.get("error") or choice.get("finish_reason") == "error" for choice in choices):
        raise ValueError("a completion ended in an error")
    usage = read_usage(_mapping(data).get("usage"))
    return Reply(tuple(map(_sample, choices, _split(usage or Usage(), choices))), usage)


def _sample(choice: Mapping[str, Any], usage: Usage) -> Sample:
    message = _mapping(choice.get("message"))
    text, finish = text_of(message.get("content")), FINISH_REASONS.get(choice.get("finish_reason"), "unknown")
    if not text and message.get("refusal"):
        text, finish = str(message["refusal"]), "content_filter"
    logprobs = _logprobs(choice)
    return Sample(
        text,
        finish,
        tuple(_tool_call(_mapping(call)) for call in message.get("tool_calls") or ()),
        usage,
        math.fsum(logprobs) / len(logprobs) if logprobs else None,
        raw=message,
    )


def text_of(content: object) -> str:
    """Message content: text, or parts of which those that are text count."""
    if isinstance(content, list):
        return "".join(str(_mapping(part).get("text") or "") for part in content)
    return content if isinstance(content, str) else ""


def _tool_call(call: Mapping[str, Any]) -> ToolCall:
    function = _mapping(call.get("function"))
    name, arguments = function.get("name"), function.get("arguments") or ""
    if not isinstance(arguments, str):
        arguments = json.dumps(arguments, ensure_ascii=False)
    try:
        valid = isinstance(name, str) and isinstance(json.loads(arguments or "{}"), dict)
    except ValueError:
        valid = False
    return ToolCall(str(name), arguments, call.get("id"), valid)


def _logprobs(choice: Mapping[str, Any]) -> list[float]:
    """Log-probability (nats) of each token; empty when the endpoint does not tell."""
    tokens = _mapping(choice.get("logprobs")).get("content") or ()
    values = [_mapping(token).get("logprob") for token in tokens]
    return [float(value) for value in values if isinstance(value, int | float)]


def read_usage(data: object) -> Usage | None:
    """The bill, or None: an endpoint that reports no tokens at all does not count them."""
    reported = _mapping(data)
    prompt, output, total = (
        _count(reported.get(name)) for name in ("prompt_tokens", "completion_tokens", "total_tokens")
    )
    if not prompt and not output:
        return None
    return Usage(
        prompt,
        max(output, total - prompt),  # some endpoints leave reasoning out of the one and count it in the other
        _count(_mapping(reported.get("prompt_tokens_details")).get("cached_tokens")),
        _count(_mapping(reported.get("completion_tokens_details")).get("reasoning_tokens")),
    )


def _split(usage: Usage, choices: Sequence[Mapping[str, Any]]) -> list[Usage]:
    tokens = [len(_logprobs(choice)) for choice in choices]
    weights = tokens if all(tokens) else [_length(_mapping(choice.get("message"))) for choice in choices]
    return split(usage, weights)


def _length(message: Mapping[str, Any]) -> int:
    calls = message.get("tool_calls")
    return len(text_of(message.get("content"))) + (len(json.dumps(calls)) if calls else 0)


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one: a reply may have any shape."""
    return value if isinstance(value, Mapping) else {}


def batch_of(results: Sequence[Reply | SamplerError]) -> SampleBatch:
    """What came of several calls for one request: survivors are kept, and failures listed.

    Raises:
        SamplerError: none succeeded. One that may have been billed is raised before others.
    """
    replies = [result for result in results if isinstance(result, Reply)]
    failures = [result for result in results if isinstance(result, SamplerError)]
    if not replies:
        raise max(failures, key=lambda failure: failure.billed)
    return SampleBatch(
        tuple(sample for reply in replies for sample in reply.samples),
        sum((reply.usage for reply in replies if reply.usage), Usage()),
        sum(len(reply.samples) for reply in replies if not reply.usage) + sum(one.billed for one in failures),
        tuple(failures),
    )
