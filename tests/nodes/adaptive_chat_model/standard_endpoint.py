"""A model for LangChain's standard tests: says anything, and calls or fills in whatever schema it is offered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tts_agent.messages import ToolCall
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.testing.scripted import Reply

TEXT = "Here is a first sentence. And, because some tests read streams, here is a second one; good night."


def answer(request: SampleRequest, index: int) -> Reply:
    """A reply of the shape that was asked for, as OpenAI's models give it."""
    wanted = request.options.get("response_format") or {}
    if wanted.get("type") == "json_schema":
        return json.dumps(_value(wanted["json_schema"]["schema"], wanted["json_schema"]["schema"]))
    if wanted.get("type") == "json_object":
        return json.dumps({"setup": "Why did the cat cross the road?", "punchline": "It was the chicken's day off."})
    tools = [tool["function"] for tool in request.tools]
    if tools and request.messages[-1].role != "tool" and request.options.get("tool_choice") != "none":
        tool = _chosen(tools, request.options.get("tool_choice"))
        arguments = _value(tool["parameters"], tool["parameters"], request.messages[-1].content)
        return Sample("", "tool_calls", (ToolCall(tool["name"], json.dumps(arguments), f"call_{index}"),))
    text = TEXT
    for stop in request.stop:
        text = text.partition(stop)[0]
    return text


def _chosen(tools: Sequence[Mapping[str, Any]], choice: Any) -> Mapping[str, Any]:
    name = choice["function"]["name"] if isinstance(choice, Mapping) else None
    return next((tool for tool in tools if tool["name"] == name), tools[0])


def _value(schema: Mapping[str, Any], root: Mapping[str, Any], said: str = "") -> Any:
    """The plainest value of a JSON schema; a text is what was quoted."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    schema = schema.get("anyOf", [schema])[0]
    kind = schema.get("type", "object")
    if kind == "object":
        return {name: _value(each, root, said) for name, each in schema.get("properties", {}).items()}
    quoted = re.search("'(.+?)'", said)
    return {"array": [], "boolean": True, "null": None, "string": quoted.group(1) if quoted else "a cat"}.get(kind, 3)
