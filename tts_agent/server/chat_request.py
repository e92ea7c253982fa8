"""A chat completions request: what of it this endpoint reads; all other fields go to the upstream as they came."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, cast

from tts_agent.messages import Message, Role, ToolCall
from tts_agent.server.controls import Controls, read_controls
from tts_agent.server.refusal import Refusal
from tts_agent.step import Step

ROLES: Mapping[object, Role] = {
    "developer": "system",
    "system": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
CAPS = ("max_completion_tokens", "max_tokens")
RESPONSE_CAP = "max_output_tokens"
"""As `/v1/responses` calls it; chat completions do not know it."""
DEFAULT_MAX_TOKENS = 4096
"""Output tokens that a budget reserves for a request that sets no bound."""
MOST_TOKENS = 10**9
MOST_CHOICES = 128
HANDLED = frozenset(
    {"model", "messages", "n", "temperature", "stop", "seed", "tools", "stream", "stream_options", *CAPS, RESPONSE_CAP}
)
"""Fields with a place of their own in a step."""


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request, read and checked."""

    model: str
    step: Step
    n: int
    stream: bool
    cap_field: str | None
    """The field in which the client bounded its output; None where it did not."""
    controls: Controls


def read_json(text: bytes) -> dict[str, Any]:
    """The body of a request.

    Raises:
        Refusal: 400, it is no JSON object.
    """
    try:
        body = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise Refusal(400, "the body is not a JSON object")
    return body


def read_request(body: dict[str, Any], headers: Mapping[str, str]) -> ChatRequest:
    """The request in a body.

    Raises:
        Refusal: 400, naming the field that is wrong.
    """
    controls = read_controls(headers, body)
    model, messages = body.get("model"), body.get("messages")
    if not isinstance(model, str) or not model.strip():
        raise Refusal(400, "model must be the name of a model", param="model")
    if not isinstance(messages, list) or not messages:
        raise Refusal(400, "messages must be a list with at least one message", param="messages")
    cap_field = next((name for name in (*CAPS, RESPONSE_CAP) if body.get(name) is not None), None)
    step = Step(
        tuple(map(_message, messages)),
        max_tokens=_whole(body, cap_field, DEFAULT_MAX_TOKENS, MOST_TOKENS) if cap_field else DEFAULT_MAX_TOKENS,
        temperature=_temperature(body.get("temperature")),
        seed=_seed(body.get("seed")),
        stop=_stop(body.get("stop")),
        tools=_tools(body.get("tools")),
        options={name: value for name, value in body.items() if name not in HANDLED},
    )
    stream = body.get("stream") or False
    if not isinstance(stream, bool):
        raise Refusal(400, "stream must be true or false", param="stream")
    return ChatRequest(model, step, _whole(body, "n", 1, MOST_CHOICES), stream, cap_field, controls)


def _message(wire: object) -> Message:
    if not isinstance(wire, Mapping):
        raise Refusal(400, "a message is not an object", param="messages")
    role = wire.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise Refusal(400, f"a message has the role {role!r}", param="messages")
    return Message(ROLES[role], _text(wire.get("content")), _calls(wire.get("tool_calls")), raw=wire)


def _text(content: object) -> str:
    """What of the content is text; the whole of it travels in `raw`."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list):
        raise Refusal(400, "the content of a message is neither text nor a list of parts", param="messages")
    parts = (part.get("text") for part in content if isinstance(part, Mapping))
    return "".join(part for part in parts if isinstance(part, str))


def _calls(calls: object) -> tuple[ToolCall, ...]:
    """Only that there are calls is read here: they are the upstream's to understand."""
    if calls is not None and not isinstance(calls, list):
        raise Refusal(400, "the tool_calls of a message are not a list", param="messages")
    return tuple(ToolCall("call", json.dumps(call)) for call in calls or ())


def _temperature(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise Refusal(400, "temperature must be a number that is not negative", param="temperature")
    return cast(float, value)


def _seed(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63):
        raise Refusal(400, "seed must be a whole number", param="seed")
    return value


def _stop(value: object) -> tuple[str, ...]:
    texts = (value,) if isinstance(value, str) else value or ()
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) and text for text in texts):
        raise Refusal(400, "stop must be a text or a list of texts", param="stop")
    return tuple(texts)


def _tools(value: object) -> tuple[Mapping[str, Any], ...]:
    if value is not None and not (isinstance(value, list) and all(isinstance(tool, Mapping) for tool in value)):
        raise Refusal(400, "tools must be a list of objects", param="tools")
    return tuple(cast("list[Mapping[str, Any]]", value or []))


def _whole(body: Mapping[str, Any], name: str, default: int, most: int) -> int:
    value = body.get(name)
    if value is None:
        return default
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= most:
        raise Refusal(400, f"{name} must be a whole number from 1 to {most}", param=name)
    return value


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")
