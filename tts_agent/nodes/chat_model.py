"""LangChain chat models as samplers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.utils.function_calling import convert_to_openai_tool

from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.batches import drawn
from tts_agent.nodes.binding import ChatRunnable
from tts_agent.nodes.choices import Choices, Several
from tts_agent.nodes.messages import to_langchain
from tts_agent.nodes.metered_model import MeteredModel
from tts_agent.nodes.replies import to_sample, usage
from tts_agent.nodes.wave import HomeLoop
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage


class ChatModelSampler:
    """Draws samples from a LangChain chat model: n concurrent calls that tracing sees and streams do not.

    A call for the only sample of its step is made as the model would make it without us: seen by everybody, live.

    Each call is one billed request: output capped on a copy of the model, no cache, no retries of the
    provider's SDK. Tools are those bound to the model, and are sent with every request.

    Args:
        model: a chat model, bare or with `bind_tools()`, `bind()` or `with_config()`.
        name: model identity for the difficulty estimator; by default the model's own name.
        blocking: call `invoke` in threads instead of `ainvoke`, for synchronous callers. On any event loop but
            the first that it meets, a sampler does so in any case (see `wave.HomeLoop`).
        max_tokens_field: the field or call argument that caps the output, where it is none of the usual ones.
        use_n: draw samples that are wanted together with one request and the field `n`, where the model has it: the
            prompt is paid once. An endpoint that refuses or ignores it is noticed. Not for structured output.

    Raises:
        ConfigurationError: `model` is something else, or its output cannot be capped.
    """

    def __init__(
        self,
        model: ChatRunnable,
        *,
        name: str | None = None,
        blocking: bool = False,
        max_tokens_field: str | None = None,
        use_n: bool = False,
    ) -> None:
        self._metered = MeteredModel(model, max_tokens_field=max_tokens_field, use_n=use_n)
        self._home = HomeLoop()
        self.blocking = blocking
        self.max_tokens = self._metered.max_tokens({})
        """The model's own limit on output tokens, which no request can raise; None when it has none."""
        self.tools: tuple[Mapping[str, Any], ...] = tuple(
            offered if isinstance(offered, Mapping) else convert_to_openai_tool(offered)
            for offered in self._metered.arguments.get("tools") or ()
        )
        """The tools bound to the model, as a rule in its provider's format."""
        self.name: str = name or self._metered.name

    def in_threads(self) -> ChatModelSampler:
        """The same sampler for synchronous callers; both learn the sizes of prompts together."""
        sibling = copy(self)
        sibling.blocking = True
        return sibling

    def token_bound(self, request: SampleRequest) -> int:
        """Upper bound on the prompt tokens of one call; a guess where it holds images (see `PromptBound`)."""
        return self._metered.bound(list(map(to_langchain, request.messages)), self._around(request))

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """Draw `n` samples at once, in `n` threads if blocking. A failed call leaves the others alone.

        Raises:
            SamplerError: every call failed.
            GraphBubbleUp: the graph is being interrupted.
            BudgetExhausted: another budget, installed around the model, refused.
        """
        if request.tools and tuple(request.tools) != self.tools:
            raise ConfigurationError("bind the tools to the model itself: model.bind_tools(tools)")
        messages = list(map(to_langchain, request.messages))
        batch = await drawn(
            partial(self._call, request, messages),
            range(request.offset, request.offset + n),
            _read,
            self._metered,
            together=n > 1 and self._metered.gives_several(request, request.options),
            blocking=self.blocking or not self._home.is_here(),
        )
        self._metered.bound.learn_from(batch.samples, messages, self._around(request))
        return batch

    def _around(self, request: SampleRequest) -> dict[str, Any]:
        """The call arguments that may become part of the prompt."""
        return {**self._metered.overrides, **self._metered.arguments, **request.options}

    def _call(self, request: SampleRequest, messages: Sequence[BaseMessage], index: int, n: int) -> _Call:
        if self.max_tokens and self.max_tokens < request.max_tokens:
            request = replace(request, max_tokens=self.max_tokens)
        return _Call(index, n, request.alone, *self._metered.call(request, index, request.options, n), messages)


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of the model itself."""

    index: int
    n: int
    alone: bool
    model: ChatRunnable
    arguments: Mapping[str, Any]
    messages: Sequence[BaseMessage]

    def in_this_thread(self, config: RunnableConfig) -> AIMessage | Several[AIMessage]:
        choices = Choices(config) if self.n > 1 else None
        reply = self.model.invoke(self.messages, choices.config if choices else config, **self.arguments)
        return choices.beside(_checked(reply)) if choices else _checked(reply)

    async def in_this_loop(self, config: RunnableConfig) -> AIMessage | Several[AIMessage]:
        choices = Choices(config) if self.n > 1 else None
        reply = await self.model.ainvoke(self.messages, choices.config if choices else config, **self.arguments)
        return choices.beside(_checked(reply)) if choices else _checked(reply)


def _checked(reply: object) -> AIMessage:
    if not isinstance(reply, AIMessage):
        raise TypeError(f"a chat model replies with an AIMessage, got {type(reply).__name__}")
    return reply


def _read(reply: AIMessage) -> tuple[Sample, Usage | None]:
    return to_sample(reply), usage(reply)
