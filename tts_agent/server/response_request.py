"""A request of `/v1/responses` as one of chat completions, which every upstream understands.

What chat completions have no word for is refused where leaving it out would change the answer, and left out elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tts_agent.server.refusal import Refusal
from tts_agent.server.response_items import messages_of
from tts_agent.server.response_writer import ResponseWriter

UNKEPT = {
    "previous_response_id": "no response is kept here: send the earlier items in input",
    "conversation": "no conversation is kept here: send the earlier items in input",
    "prompt": "no prompts are kept here: send its text in instructions or input",
    "background": "a response is sent to the one who waits for it: leave background out",
    "context_management": "no input is shortened here: send what fits the model",
}
"""Fields that cannot be honoured, and what to do instead."""
TRANSLATED = frozenset({"input", "instructions", "metadata", "reasoning", "text", "tools", "tool_choice"})
LEFT_OUT = frozenset(
    {*UNKEPT, "background_options", "include", "max_tool_calls", "store", "stream_options", "truncation"}
)
"""Fields of this format alone, without which the answer is the same: those of them that could change it are checked."""
LOGPROBS = "message.output_text.logprobs"
INCLUDED = (LOGPROBS, "reasoning.encrypted_content")
"""What can be asked for with `include`. Reasoning comes in plain text, and can be sent back so."""


def read_response_request(body: dict[str, Any]) -> tuple[dict[str, Any], ResponseWriter]:
    """The request in the format of chat completions, and what writes the reply to it.

    Raises:
        Refusal: 400, naming the field that is wrong or cannot be honoured.
    """
    for name, instead in UNKEPT.items():
        if body.get(name):
            raise Refusal(400, f"{name} cannot be honoured: {instead}", code="unsupported_parameter", param=name)
    if body.get("n") not in (None, 1):
        raise Refusal(400, "n must be 1: a response has one answer", param="n")
    include = _included(body.get("include"))
    if body.get("truncation") not in (None, "disabled"):
        message = "truncation must be disabled: no input is shortened here"
        raise Refusal(400, message, code="unsupported_parameter", param="truncation")
    most = body.get("max_tool_calls")  # of hosted tools, which are refused below: no number of them is exceeded
    if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
        raise Refusal(400, "max_tool_calls must be a whole number of at least 1", param="max_tool_calls")
    messages = messages_of(body.get("input"))
    if body.get("instructions") is not None:
        messages.insert(0, {"role": "system", "content": _text(body, "instructions")})
    kept = {
        name: value
        for name, value in body.items()
        if value is not None and name not in TRANSLATED and name not in LEFT_OUT
    }
    metadata = _object(body, "metadata")
    own = {name: value for name, value in metadata.items() if str(name).startswith("tts_")}
    text = _object(body, "text")
    translated = {
        "metadata": own or None,  # the client's own is for its eyes: a chat completion takes it only to be stored
        "reasoning_effort": _object(body, "reasoning").get("effort"),
        "response_format": _format(_object(text, "format")),
        "verbosity": text.get("verbosity"),
        "logprobs": True if body.get("top_logprobs") or LOGPROBS in include else None,
        "tools": _tools(body.get("tools")),
        "tool_choice": _choice(body.get("tool_choice")),
    }
    said = {name: value for name, value in translated.items() if value is not None}
    return {"messages": messages, **kept, **said}, ResponseWriter(body)


def _included(given: object) -> list[object]:
    if given is not None and not isinstance(given, list):
        raise Refusal(400, "include must be a list of texts", param="include")
    for name in given or ():
        if name not in INCLUDED:
            message = f"include cannot be honoured for {name!r}: only for {' and '.join(INCLUDED)}"
            raise Refusal(400, message, code="unsupported_parameter", param="include")
    return given or []


def _format(given: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = given.get("type")
    if kind == "json_schema":
        return {"type": kind, kind: {name: value for name, value in given.items() if name != "type"}}
    return None if kind in (None, "text") else dict(given)


def _tools(given: object) -> list[dict[str, Any]] | None:
    if given is None:
        return None
    if not isinstance(given, list) or not all(isinstance(tool, Mapping) for tool in given):
        raise Refusal(400, "tools must be a list of objects", param="tools")
    for tool in given:
        if tool.get("type") != "function":
            message = f"a tool of type {tool.get('type')!r} cannot be offered: only functions can"
            raise Refusal(400, message, code="unsupported_parameter", param="tools")
    return [
        {
            "type": "function",
            "function": {name: value for name, value in tool.items() if name != "type" and value is not None},
        }
        for tool in given
    ]


def _choice(given: object) -> object:
    """Names of functions are one level deeper there."""
    if not isinstance(given, Mapping):
        return given
    match given.get("type"):
        case "function":
            return {"type": "function", "function": {"name": given.get("name")}}
        case "allowed_tools":
            tools = given.get("tools")
            allowed = [_choice(tool) for tool in tools] if isinstance(tools, list) else tools
            return {"type": "allowed_tools", "allowed_tools": {"mode": given.get("mode"), "tools": allowed}}
        case other:
            message = f"tool_choice asks for a tool of type {other!r}: only functions can be called"
            raise Refusal(400, message, code="unsupported_parameter", param="tool_choice")


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body[name]
    if not isinstance(value, str):
        raise Refusal(400, f"{name} must be a text", param=name)
    return value


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise Refusal(400, f"{name} must be an object", param=name)
    return value or {}
