"""The model inside an `AdaptiveChatModel` as a sampler."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import agenerate_from_stream, generate_from_stream
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.runnables import RunnableConfig, RunnableLambda

from tts_agent.exceptions import SamplerError
from tts_agent.nodes.batches import drawn
from tts_agent.nodes.choices import Several, several
from tts_agent.nodes.live import Live
from tts_agent.nodes.messages import to_langchain
from tts_agent.nodes.metered_model import MeteredModel
from tts_agent.nodes.prompt_bound import Around
from tts_agent.nodes.replies import to_sample, usage
from tts_agent.nodes.wave import HomeLoop
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage


class InnerSampler:
    """Draws samples beneath the run of the model around: no call is a model run of its own.

    Otherwise whoever counts the tokens of runs would count those of the samples twice. Each sample but an only one is
    a plain step in traces.

    Args:
        model: the model inside.
        arguments: those of the call around.
        home: where the model's asynchronous client belongs.
        blocking: call it in threads.
        live: where the chunks of an only sample go; None if nobody streams.
    """

    def __init__(
        self,
        model: MeteredModel,
        arguments: Mapping[str, Any],
        *,
        home: HomeLoop,
        blocking: bool,
        live: Live | None = None,
    ) -> None:
        self.name = model.name
        self._model = model
        self._arguments = arguments
        self._around = Around.of({**model.overrides, **arguments})
        self._home = home
        self._blocking = blocking
        self._live = live

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """Draw `n` samples at once. A failed call leaves the others alone; one that was streamed is not repeated.

        Raises:
            SamplerError: every call failed.
        """
        messages = list(map(to_langchain, request.messages))
        try:
            batch = await drawn(
                partial(self._call, request, messages),
                range(request.offset, request.offset + n),
                _read,
                self._model,
                together=n > 1 and self._model.gives_several(request, self._arguments),
                blocking=self._blocking or not self._home.is_here(),
            )
        except SamplerError as error:
            error.retryable = error.retryable and not (self._live and self._live.started)
            raise
        self._model.bound.learn_from(batch.samples, messages, self._around)
        return batch

    def token_bound(self, request: SampleRequest) -> int:
        """Upper bound on the prompt tokens of one call; a guess where it holds images (see `PromptBound`)."""
        return self._model.bound(list(map(to_langchain, request.messages)), self._around)

    def _call(self, request: SampleRequest, messages: Sequence[BaseMessage], index: int, n: int) -> _Call:
        model, arguments = self._model.call(request, index, self._arguments, n)
        live = self._live if request.alone else None
        return _Call(index, n, request.alone, cast(BaseChatModel, model), arguments, list(messages), live)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of the model inside, as its `invoke` would make it, without a run."""

    index: int
    n: int
    alone: bool
    model: BaseChatModel
    arguments: Mapping[str, Any]
    messages: list[BaseMessage]
    live: Live | None

    def in_this_thread(self, config: RunnableConfig) -> AIMessage | Several[AIMessage]:
        return self._ask() if self.alone else self._traced().invoke(self.messages, config)

    async def in_this_loop(self, config: RunnableConfig) -> AIMessage | Several[AIMessage]:
        return await (self._aask() if self.alone else self._traced().ainvoke(self.messages, config))

    def _traced(self) -> RunnableLambda[Any, AIMessage | Several[AIMessage]]:
        async def aask(_: object) -> AIMessage | Several[AIMessage]:
            return await self._aask()

        return RunnableLambda(lambda _: self._ask(), aask)

    def _ask(self) -> AIMessage | Several[AIMessage]:
        if self.live is None or not self._streams(asynchronous=False):
            return self._opened(self.model._generate_with_cache(self.messages, **self.arguments))
        if self.model.rate_limiter:
            self.model.rate_limiter.acquire(blocking=True)
        return _reply(generate_from_stream(self._pushed(self.live)))

    async def _aask(self) -> AIMessage | Several[AIMessage]:
        if self.live is None or not self._streams(asynchronous=True):
            return self._opened(await self.model._agenerate_with_cache(self.messages, **self.arguments))
        if self.model.rate_limiter:
            await self.model.rate_limiter.aacquire(blocking=True)
        return _reply(await agenerate_from_stream(self._apushed(self.live)))

    def _opened(self, result: ChatResult) -> AIMessage | Several[AIMessage]:
        if self.n == 1:
            return _reply(result)
        return several(LLMResult(generations=[[*result.generations]], llm_output=result.llm_output))

    def _streams(self, *, asynchronous: bool) -> bool:
        return self.model._should_stream(async_api=asynchronous, **{**self.arguments, "stream": True})

    def _pushed(self, live: Live) -> Iterator[ChatGenerationChunk]:
        for chunk in self.model._stream(self.messages, **self.arguments):
            live.push(chunk)
            yield chunk

    async def _apushed(self, live: Live) -> AsyncIterator[ChatGenerationChunk]:
        async for chunk in self.model._astream(self.messages, **self.arguments):
            live.push(chunk)
            yield chunk


def _reply(result: ChatResult) -> AIMessage:
    """What `invoke` would return: the message, with what the provider said beside it in its metadata."""
    first = result.generations[0]
    said = {**(first.generation_info or {}), **first.message.response_metadata}
    return cast(AIMessage, first.message).model_copy(update={"response_metadata": said})


def _read(reply: AIMessage) -> tuple[Sample, Usage | None]:
    return to_sample(reply), usage(reply)
