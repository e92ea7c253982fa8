"""An agent's own way of calling its model, as a sampler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig

from tts_agent.nodes.batches import drawn
from tts_agent.nodes.choices import Choices, Several
from tts_agent.nodes.messages import to_langchain
from tts_agent.nodes.metered_model import MeteredModel
from tts_agent.nodes.middleware.offers import Offer
from tts_agent.nodes.middleware.responses import read, reply_of, with_reply
from tts_agent.nodes.prompt_bound import Around, PromptBound
from tts_agent.sampling import SampleBatch, SampleRequest

Response = ModelResponse[Any]
Handler = Callable[[ModelRequest[Any]], Response] | Callable[[ModelRequest[Any]], Awaitable[Response]]
"""What `wrap_model_call` or `awrap_model_call` is given to call the model with."""


class HandlerSampler:
    """Draws samples of one model request by calling `handler` with capped copies of its model.

    Tools, structured output and system prompt are the request's, and stay whatever the step asks.

    Args:
        request: what the agent wants to ask.
        handler: how it would ask it.
        model: the request's model.
        offers: the request's tools and form; and larger ones, whose prompts bound this one's where they were measured.
        aside: turns that every call ends with and that no conversation keeps.
        blocking: whether `handler` is synchronous; it is then called in threads.
    """

    def __init__(
        self,
        request: ModelRequest[Any],
        handler: Handler,
        model: MeteredModel,
        offers: Sequence[Offer],
        *,
        aside: Sequence[BaseMessage] = (),
        blocking: bool,
    ) -> None:
        self.name = model.name
        self._aside = aside
        self._request = request
        self._handler = handler
        self._model = model
        around = Around.of({**model.overrides, **model.arguments, **request.model_settings})
        self._arounds = [Around(offer.around.text + around.text, offer.around.tools) for offer in offers]
        self._blocking = blocking

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """Draw `n` samples at once. A failed call leaves the others alone.

        Raises:
            SamplerError: every call failed, and nobody knows what they cost.
            GraphBubbleUp: the graph is being interrupted.
            BudgetExhausted: another budget, installed around the model, refused.
        """
        asked = self._request
        batch = await drawn(
            partial(self._call, request),
            range(request.offset, request.offset + n),
            read,
            self._model,
            # A form is checked by the handler, which sees the first reply alone.
            together=n > 1 and not asked.response_format and self._model.gives_several(request, asked.model_settings),
            blocking=self._blocking,
        )
        self._model.bound.learn_from(batch.samples, self._prompt(request), self._arounds[0])
        return batch

    def token_bound(self, request: SampleRequest) -> int:
        """Upper bound on the prompt tokens of one call; a guess where it holds images (see `PromptBound`)."""
        prompt = self._prompt(request)
        # Bounds are remembered by how a prompt begins, so what stands aside is none of their business.
        return min(self._model.bound(prompt, around) for around in self._arounds) + PromptBound.added(self._aside)

    def _prompt(self, request: SampleRequest) -> list[BaseMessage]:
        system = self._request.system_message
        return [*([system] if system else ()), *map(to_langchain, request.messages)]

    def _call(self, request: SampleRequest, index: int, n: int) -> _Call:
        model, settings = self._model.call(request, index, self._request.model_settings, n)
        messages = [*map(to_langchain, request.messages), *self._aside]
        asked: Any = {"model": model, "model_settings": settings, "messages": messages}
        return _Call(index, n, request.alone, self._handler, self._request.override(**asked))


@dataclass(frozen=True, slots=True)
class _Call:
    """A call of the agent's handler. The config reaches the model through the context."""

    index: int
    n: int
    alone: bool
    handler: Any
    request: ModelRequest[Any]

    def in_this_thread(self, config: RunnableConfig) -> Response | Several[Response]:
        choices = Choices(config) if self.n > 1 else None
        return _opened(self.handler(self.request), choices)

    async def in_this_loop(self, config: RunnableConfig) -> Response | Several[Response]:
        choices = Choices(config) if self.n > 1 else None
        return _opened(await self.handler(self.request), choices)


def _opened(response: Response, choices: Choices | None) -> Response | Several[Response]:
    """The response; or, where several were asked for, one for each that came."""
    if choices is None:
        return response
    first = reply_of(response)
    came = choices.beside(first)
    return Several(tuple(with_reply(response, reply) for reply in came.replies), came.bill)
