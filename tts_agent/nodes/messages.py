"""Turns of a conversation: LangChain's messages in, this package's out, and back.

A turn that came from LangChain goes back to the model as the very same object (`Message.raw`), so images,
reasoning blocks, cache marks and names that this package does not model are never lost.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
    convert_to_openai_messages,
)

from tts_agent.messages import Message, Role, ToolCall


def from_langchain(message: BaseMessage) -> Message:
    """A LangChain message as a turn; `content` is its text alone, everything else rides along in `raw`."""
    return Message(
        role=_role(message),
        content=str(message.text),
        tool_calls=tool_calls(message) if isinstance(message, AIMessage) else (),
        tool_call_id=message.tool_call_id if isinstance(message, ToolMessage) else None,
        raw=message,
    )


def to_langchain(message: Message) -> BaseMessage:
    """The LangChain message that a turn came from, else a new one."""
    if isinstance(message.raw, BaseMessage):
        return message.raw
    match message.role:
        case "system":
            return SystemMessage(message.content)
        case "user":
            return HumanMessage(message.content)
        case "tool":
            return ToolMessage(message.content, tool_call_id=message.tool_call_id or "")
        case "assistant":
            return AIMessage(message.content, **call_fields(message.tool_calls))


def portable(message: BaseMessage) -> Message:
    """The same for a model that is not LangChain's: content that is more than text goes along in OpenAI's format."""
    own = None if isinstance(message.content, str) else convert_to_openai_messages(message)
    return replace(from_langchain(message), raw=own)


def tool_calls(message: AIMessage) -> tuple[ToolCall, ...]:
    """The calls a reply proposes, parseable ones first; the others are marked as not valid."""
    parsed = (
        ToolCall(call["name"], json.dumps(call["args"], ensure_ascii=False, default=str), call["id"])
        for call in message.tool_calls
    )
    broken = (
        ToolCall(call.get("name") or "", call.get("args") or "", call.get("id"), valid=False)
        for call in message.invalid_tool_calls
    )
    return (*parsed, *broken)


def call_fields(calls: Iterable[ToolCall]) -> dict[str, Any]:
    """The two fields of an `AIMessage` that carry calls; arguments that are no JSON object are invalid."""
    fields: dict[str, Any] = {"tool_calls": [], "invalid_tool_calls": []}
    for call in calls:
        try:
            arguments = json.loads(call.arguments or "{}")
        except ValueError:
            arguments = None
        entry = {"name": call.name, "id": call.id}
        if call.valid and isinstance(arguments, dict):
            fields["tool_calls"].append({**entry, "args": arguments})
        else:
            broken = {**entry, "args": call.arguments, "error": "the arguments are not a JSON object"}
            fields["invalid_tool_calls"].append(broken)
    return fields


def _role(message: BaseMessage) -> Role:
    match message:
        case AIMessage() | ChatMessage(role="assistant" | "ai" | "model"):
            return "assistant"
        case SystemMessage() | ChatMessage(role="system" | "developer"):
            return "system"
        case ToolMessage() | FunctionMessage():
            return "tool"
        case _:
            return "user"
