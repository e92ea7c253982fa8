"""Conversations as they are written down: OpenAI's messages, and LangChain's in their several spellings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, Role, ToolCall

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "ai": "assistant",
    "tool": "tool",
    "function": "tool",
}


def read_turns(value: Any, place: str) -> tuple[Message, ...]:
    """The messages of a question: a text is one turn of the user, a list is a conversation.

    Raises:
        ConfigurationError: it is neither, or a message has no role that is known.
    """
    if isinstance(value, str):
        return (Message("user", value),)
    if isinstance(value, int | float):
        return (Message("user", str(value)),)
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]  # a batch of one conversation, as traces of chat models have it
    if not isinstance(value, list) or not value:
        raise ConfigurationError(f"{place}: the question is {type(value).__name__}, not a text or a list of messages")
    return tuple(_turn(entry, place) for entry in value)


def _turn(entry: Any, place: str) -> Message:
    if isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry):
        entry = {"role": entry[0], "content": entry[1]}
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{place}: a message is {type(entry).__name__}, not an object with role and content")
    fields = {**entry, **_inner(entry)}
    name = str(fields.get("role") or fields.get("type") or "").lower()
    if isinstance(entry.get("id"), list) and entry["id"]:  # ["langchain", "schema", "messages", "HumanMessage"]
        name = str(entry["id"][-1]).removesuffix("Chunk").removesuffix("Message").lower()
    role = _ROLES.get(name.removesuffix("messagechunk").removesuffix("message"))
    if role is None:
        raise ConfigurationError(f"{place}: a message has the role {name!r}, not one of {', '.join(_ROLES)}")
    calls = fields.get("tool_calls") or (fields.get("additional_kwargs") or {}).get("tool_calls") or []
    return Message(
        role, _content(fields.get("content")), tuple(_call(call, place) for call in calls), fields.get("tool_call_id")
    )


def _inner(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields of LangChain's wrapped forms: {"type": "human", "data": {...}} and {"lc": 1, "kwargs": {...}}."""
    for name in ("data", "kwargs"):
        if isinstance(entry.get(name), dict):
            return cast("Mapping[str, Any]", entry[name])
    return {}


def _content(content: Any) -> str:
    if isinstance(content, list):
        parts = [
            part if isinstance(part, str) else part.get("text") if isinstance(part, dict) else None for part in content
        ]
        return "".join(part for part in parts if isinstance(part, str))
    return "" if content is None else str(content)


def _call(call: Any, place: str) -> ToolCall:
    """OpenAI's form, with the arguments as text, or LangChain's, with `args`."""
    function = call.get("function", call) if isinstance(call, dict) else {}
    if not isinstance(function, dict) or not function.get("name"):
        raise ConfigurationError(f"{place}: a tool call has no name")
    arguments = function.get("arguments", function.get("args", {}))
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(str(function["name"]), text, call.get("id"))
