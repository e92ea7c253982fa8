"""An upper bound on the tokens of a prompt, without I/O and without anybody's tokenizer.

A byte-level tokenizer makes at most one token of a byte, so bytes bound tokens; in English that is about four
times too much. So what the provider reported for a prompt is remembered: the same prompt is bounded by that,
and a longer one by that plus the bytes of the turns that were added.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel

from tts_agent.sampling import Sample

PER_REQUEST = 32
"""Tokens a chat template and a provider may add around a conversation."""
PER_MESSAGE = 16
"""... and around a turn."""
FOR_TOOLS = 640
"""... and when tools are offered: some providers explain tool use in a hidden system prompt (Anthropic's
longest is 530 tokens)."""
PER_IMAGE = 2048
"""Tokens of an image or another file that is not text. A guess, not a bound: providers' own formulas range
from 85 tokens to tens of thousands."""


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the turns of a prompt: tools, response formats and the like. Worth keeping: writing the JSON
    takes longer than all the rest."""

    text: str
    tools: bool = False
    """Whether tools are offered."""

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> Around:
        """Of the call arguments. Those that are no part of the prompt cost a few bytes more."""
        return cls(_text(dict(arguments)) if arguments else "", bool(arguments.get("tools")))


Arguments = Mapping[str, Any] | Around
"""Call arguments that become part of the prompt, or what was made of them before."""


class PromptBound:
    """Bounds prompts of one model. Safe to share between threads; remembers the last `memory` prompts."""

    def __init__(self, memory: int = 512) -> None:
        self._memory = memory
        self._reported: OrderedDict[int, int] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, messages: Sequence[BaseMessage], arguments: Arguments) -> int:
        """Most tokens the prompt can have: these turns, with the call arguments that become part of it."""
        around = _around(arguments)
        keys = list(_prefixes(messages, around.text))
        with self._lock:
            known = next((known for known in range(len(keys), 0, -1) if keys[known - 1] in self._reported), 0)
            reported = self._reported[keys[known - 1]] if known else 0
        # Only what is new is measured: the widest JSON of a long conversation takes milliseconds to write.
        new = self.added(messages[known:])
        if known:
            return reported + new
        return PER_REQUEST + (FOR_TOOLS if around.tools else 0) + _bytes(around.text) + new

    @staticmethod
    def added(messages: Iterable[BaseMessage]) -> int:
        """Most tokens that these turns add to a prompt."""
        return sum(map(_size, messages))

    def learn(self, messages: Sequence[BaseMessage], arguments: Arguments, tokens: int) -> None:
        """The provider reported `tokens` for this prompt. The most that it ever reported counts."""
        *_, key = _prefixes(messages, _around(arguments).text)
        with self._lock:
            self._reported[key] = max(tokens, self._reported.pop(key, 0))
            while len(self._reported) > self._memory:
                self._reported.popitem(last=False)

    def learn_from(self, samples: Iterable[Sample], messages: Sequence[BaseMessage], arguments: Arguments) -> None:
        """What the samples of this prompt say about its size; those whose bill nobody knows say nothing."""
        reported = max((sample.usage.input_tokens for sample in samples), default=0)
        if reported:
            self.learn(messages, arguments, reported)


def _prefixes(messages: Sequence[BaseMessage], around: str) -> Iterator[int]:
    """A key for every beginning of the conversation, shortest first."""
    key = hash(around)
    for message in messages:
        key = hash((key, message.type, _short(message.content), _short(_beside(message))))
        yield key


def _size(message: BaseMessage) -> int:
    blocks = [message.content] if isinstance(message.content, str) else message.content
    beside = sum(_bytes(_text(part)) for part in _beside(message))
    return PER_MESSAGE + beside + sum(_block_size(block) for block in blocks)


def _block_size(block: Any) -> int:
    kind = block.get("type", "") if isinstance(block, Mapping) else ""
    if any(word in kind for word in ("image", "audio", "video", "file", "document")):
        return PER_IMAGE
    return _bytes(_text(block))


def _beside(message: BaseMessage) -> list[Any]:
    """Everything of a turn that may reach the prompt beside its content."""
    parts: list[Any] = [message.name, getattr(message, "tool_call_id", None)]
    parts += [value for _, value in sorted(message.additional_kwargs.items())]
    if isinstance(message, AIMessage):
        parts += [message.tool_calls, message.invalid_tool_calls]
    return [part for part in parts if part]


def _around(arguments: Arguments) -> Around:
    return arguments if isinstance(arguments, Around) else Around.of(arguments)


def _text(value: Any) -> str:
    """A text itself, anything else as the widest JSON a provider may make of it: ASCII, indented."""
    return value if isinstance(value, str) else json.dumps(value, indent=4, default=_unknown)


def _short(value: Any) -> str:
    """A text that tells values apart, for keys."""
    return value if isinstance(value, str) else json.dumps(value, default=_unknown) if value else ""


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _unknown(value: Any) -> Any:
    """What JSON does not know: tools, and classes that say what a reply should look like."""
    if isinstance(value, BaseTool):
        return convert_to_openai_tool(value)
    if isinstance(value, type) and issubclass(value, BaseModel):
        return value.model_json_schema()
    return str(value)
