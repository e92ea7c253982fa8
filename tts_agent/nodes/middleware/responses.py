"""Whole model responses as samples: what they say, how they vote, and the winner on its way back."""

from __future__ import annotations

import json
from collections.abc import Collection, Hashable, Mapping
from dataclasses import asdict, is_dataclass, replace
from typing import Any

from langchain.agents.middleware.types import ModelResponse
from langchain_core.messages import AIMessage, ToolMessage
from pydantic import BaseModel

from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.replies import recorded, to_sample, usage
from tts_agent.reasoner import Result
from tts_agent.sampling import Sample, Usage


def read(response: ModelResponse[Any]) -> tuple[Sample, Usage | None]:
    """A response as a sample, which carries it whole in `raw`, and its bill.

    A call whose structured output did not parse is answered in the response itself, with an error: it is not valid.
    """
    reply = reply_of(response)
    sample = to_sample(reply)
    refused = set()
    if response.structured_response is None:
        refused = {message.tool_call_id for message in response.result if isinstance(message, ToolMessage)}
    calls = tuple(replace(call, valid=call.valid and call.id not in refused) for call in sample.tool_calls)
    return replace(sample, tool_calls=calls, raw=response), usage(reply)


def winner(result: Result) -> ModelResponse[Any]:
    """The winning response as the model gave it, with the decision in its message's `response_metadata`."""
    response: ModelResponse[Any] = result.sample.raw
    return with_reply(response, recorded(reply_of(response), result))


def reply_of(response: ModelResponse[Any]) -> AIMessage:
    """What the model said.

    Raises:
        TypeError: nothing.
    """
    for message in response.result:
        if isinstance(message, AIMessage):
            return message
    raise TypeError("the model's response has no AIMessage")


def with_reply(response: ModelResponse[Any], reply: AIMessage) -> ModelResponse[Any]:
    """The response with another message in the place of what the model said."""
    said = reply_of(response)
    return replace(response, result=[reply if message is said else message for message in response.result])


def vote_key(answer_key: AnswerKey, ignore: Collection[str]) -> AnswerKey:
    """What counts as the same response: the same structured output by value, else the same tool calls, else the same
    answer by `answer_key`.

    Arguments of tools and fields of structured outputs that are `ignore`d do not count, nor does the order of tool
    calls: an agent runs those of one message side by side.

    Raises:
        ConfigurationError: the key is no function, or the names are no list of texts.
    """
    if not callable(answer_key):
        raise ConfigurationError(f"answer_key is {answer_key!r}: that is no function")
    if not _are_names(ignore):
        raise ConfigurationError(f"ignore_arguments is {ignore!r}: give a list of names")
    calls, ignored = answers.tool_calls(ignore), frozenset(ignore)

    def key(sample: Sample) -> Hashable | None:
        value = sample.raw.structured_response
        if value is not None:
            return _canonical(value, ignored)
        if not sample.tool_calls:
            return answer_key(sample)
        called = calls(sample)
        return tuple(sorted(called)) if isinstance(called, tuple) else called

    return key


def _are_names(given: object) -> bool:
    if isinstance(given, str) or not isinstance(given, Collection):
        return False
    return all(isinstance(name, str) for name in given)


def _canonical(value: Any, ignored: frozenset[str]) -> str:
    """A structured output as text: Pydantic models, dataclasses and dicts with the same content are the same."""
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    elif is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        value = {name: content for name, content in value.items() if name not in ignored}
    return json.dumps(value, sort_keys=True, default=str)
