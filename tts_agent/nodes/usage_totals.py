"""Whose usage a reply carries: to callbacks that of all samples, to the caller the winner's own.

Callbacks add up what runs report, and must see every token that was billed, once. The caller gets one message of a
conversation: what goes by its usage (summarization, for one) would take a sum over samples for a long conversation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, LLMResult

from tts_agent.events import Drawn
from tts_agent.nodes.replies import METADATA_KEY, summary, usage_metadata
from tts_agent.reasoner import Result
from tts_agent.sampling import Usage

MessageT = TypeVar("MessageT", AIMessage, AIMessageChunk)

OWN = "winner_usage"
"""Where the winner's own usage stands in the record, for when the caller gets it."""


def reply(result: Result) -> AIMessage:
    """The winner as callbacks see it: the model's own message with the usage of all samples, and what was decided."""
    own: AIMessage = result.sample.raw
    total = usage_metadata(sum((event.usage for event in result.events if isinstance(event, Drawn)), Usage()))
    usage = own.usage_metadata if result.spent.calls <= 1 or not total["total_tokens"] else total
    said = {**own.response_metadata, METADATA_KEY: record(result)}
    return own.model_copy(update={"usage_metadata": usage, "response_metadata": said})


def record(result: Result) -> dict[str, Any]:
    """What was decided, with the winner's own usage."""
    own: AIMessage = result.sample.raw
    return {**summary(result), OWN: own.usage_metadata}


def own_usage(message: MessageT) -> MessageT:
    """The message as its caller gets it."""
    about = message.response_metadata.get(METADATA_KEY)
    if message.usage_metadata is None or not isinstance(about, Mapping) or not about.get(OWN):
        return message
    return message.model_copy(update={"usage_metadata": about[OWN]})


def own_usages(result: LLMResult) -> LLMResult:
    """The same for all messages of a result."""
    generations = [[_with_own_usage(generation) for generation in each] for each in result.generations]
    return result.model_copy(update={"generations": generations})


def _with_own_usage(generation: Any) -> Any:
    if isinstance(generation, ChatGeneration) and isinstance(generation.message, AIMessage):
        return generation.model_copy(update={"message": own_usage(generation.message)})
    return generation


class StreamEnd:
    """Puts the record into the last chunk of a stream, which is held back until it is known."""

    def __init__(self) -> None:
        self._held: list[ChatGenerationChunk] = []
        self._empty = True

    def pass_on(self, chunk: ChatGenerationChunk) -> list[ChatGenerationChunk]:
        """What may go on now: everything up to the last chunk that says something."""
        self._empty = False
        message = chunk.message
        if not (message.content or getattr(message, "tool_call_chunks", None)):
            ready, self._held = self._held, [chunk]
            return ready
        ready, self._held = [*self._held, chunk], []
        return ready

    def finish(self, result: Result) -> list[ChatGenerationChunk]:
        """The rest: what was held back with the record, or the whole winner where nothing was streamed."""
        if self._empty:
            return [ChatGenerationChunk(message=_whole(reply(result)))]
        last = self._held[-1] if self._held else ChatGenerationChunk(message=AIMessageChunk(content=""))
        said = {**last.message.response_metadata, METADATA_KEY: record(result)}
        message = last.message.model_copy(update={"response_metadata": said})
        return [last.model_copy(update={"message": message})]


def _whole(message: AIMessage) -> AIMessageChunk:
    """A reply as the one chunk of its stream."""
    fields: dict[str, Any] = {name: value for name, value in message if name != "type"}
    return AIMessageChunk(**fields, chunk_position="last")
