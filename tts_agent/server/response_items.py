"""The input items of `/v1/responses` as messages of chat completions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts_agent.server.refusal import Refusal

ROLES = ("user", "system", "developer", "assistant")
TEXTS = ("input_text", "output_text", "text", "summary_text")


def messages_of(items: object) -> list[dict[str, Any]]:
    """The messages that an input says; a call joins the assistant's message before it, as calls do there.

    The text of a reasoning item goes back as `reasoning_content` of the assistant's message after it, where upstreams
    that reason put it; summaries and encrypted reasoning are left out, because chat completions have no place for them.

    Raises:
        Refusal: 400, an item cannot be said there, or is damaged.
    """
    if isinstance(items, str):
        return [{"role": "user", "content": items}]
    if not isinstance(items, list) or not items:
        raise Refusal(400, "input must be a text or a list with at least one item", param="input")
    messages: list[dict[str, Any]] = []
    thought = ""
    for item in items:
        if not isinstance(item, Mapping):
            raise Refusal(400, "an item of the input is not an object", param="input")
        match item.get("type") or "message":
            case "message":
                messages.append(_message(item))
            case "function_call":
                if not messages or messages[-1]["role"] != "assistant":
                    messages.append({"role": "assistant", "content": None})
                messages[-1].setdefault("tool_calls", []).append(_call(item))
            case "function_call_output":
                output = _content(item.get("output"))
                messages.append({"role": "tool", "tool_call_id": _named(item, "call_id"), "content": output})
            case "reasoning":
                thought += _thought(item)
                continue
            case other:
                raise Refusal(
                    400, f"an item of the input has the type {other!r}, which cannot be sent on", param="input"
                )
        if thought and messages[-1]["role"] == "assistant":
            messages[-1]["reasoning_content"] = messages[-1].get("reasoning_content", "") + thought
        thought = ""
    return messages


def _message(item: Mapping[str, Any]) -> dict[str, Any]:
    role = item.get("role")
    if role not in ROLES:
        raise Refusal(400, f"a message of the input has the role {role!r}", param="input")
    return {"role": role, "content": _content(item.get("content"))}


def _thought(item: Mapping[str, Any]) -> str:
    content = item.get("content") or []
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        raise Refusal(400, "the content of a reasoning item is not a list of parts", param="input")
    texts = [part.get("text") for part in content if part.get("type") == "reasoning_text"]
    return "".join(text for text in texts if isinstance(text, str))


def _call(item: Mapping[str, Any]) -> dict[str, Any]:
    function = {"name": _named(item, "name"), "arguments": _named(item, "arguments")}
    return {"id": _named(item, "call_id"), "type": "function", "function": function}


def _named(item: Mapping[str, Any], field: str) -> str:
    value = item.get(field)
    if not isinstance(value, str):
        raise Refusal(400, f"{field} of an item of type {item.get('type')} must be a text", param="input")
    return value


def _content(content: object) -> str | list[dict[str, Any]]:
    """Text wherever there is nothing else: not every endpoint takes parts in every role."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(part, Mapping) for part in content):
        raise Refusal(400, "the content of an item is neither text nor a list of parts", param="input")
    parts = [_part(part) for part in content]
    if all(part["type"] == "text" for part in parts):
        return "".join(part["text"] for part in parts)
    return parts


def _part(part: Mapping[str, Any]) -> dict[str, Any]:
    kind = part.get("type")
    if kind in TEXTS and isinstance(text := part.get("text"), str):
        return {"type": "text", "text": text}
    if kind == "refusal" and isinstance(refusal := part.get("refusal"), str):
        return {"type": "refusal", "refusal": refusal}
    if kind == "input_image" and isinstance(url := part.get("image_url"), str):
        detail = {"detail": part["detail"]} if part.get("detail") else {}
        return {"type": "image_url", "image_url": {"url": url, **detail}}
    if kind == "input_file" and isinstance(data := part.get("file_data"), str):
        return {"type": "file", "file": {"filename": part.get("filename"), "file_data": data}}
    if kind == "input_audio" and isinstance(audio := part.get("input_audio"), Mapping):
        return {"type": "input_audio", "input_audio": audio}
    raise Refusal(
        400, f"a part of the input, of type {kind!r}, cannot be sent on: give its content itself", param="input"
    )
