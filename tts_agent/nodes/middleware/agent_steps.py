"""The requests of an agent as steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain.agents.middleware.types import ModelRequest
from langchain_core.messages import BaseMessage

from tts_agent.answers import AnswerKey
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.budgets import checked
from tts_agent.nodes.messages import from_langchain
from tts_agent.nodes.metered_model import UNCAPPED, MeteredModel
from tts_agent.nodes.middleware.by_identity import ByIdentity
from tts_agent.nodes.middleware.handler_sampler import Handler, HandlerSampler
from tts_agent.nodes.middleware.offers import Offer
from tts_agent.step import Step

MAX_TOKENS = 4096
"""Most output tokens of a sample under a budget, where neither the model nor the user says."""


@dataclass(frozen=True, slots=True)
class AgentStep:
    """A request as a step, and the way to ask for it."""

    step: Step
    sampler: HandlerSampler

    @property
    def prompt_tokens(self) -> int:
        """Upper bound on the prompt of one call."""
        return self.sampler.token_bound(self.step.request())


@dataclass(frozen=True, kw_only=True)
class AgentSteps:
    """Makes steps of requests. The fields are arguments of `AdaptiveReasoning`.

    Raises:
        ConfigurationError: a field is wrong.
    """

    max_tokens: int | None
    max_tokens_field: str | None
    use_n: bool = False
    temperature: float | None
    kind: str | Callable[[ModelRequest[Any]], str]
    answer_key: AnswerKey
    _models: ByIdentity[MeteredModel] = field(default_factory=ByIdentity, init=False)
    _offers: ByIdentity[Offer] = field(default_factory=ByIdentity, init=False)

    def __post_init__(self) -> None:
        if self.max_tokens is not None:
            checked(self.max_tokens, "max_tokens")
        if not (isinstance(self.kind, str) or callable(self.kind)):
            raise ConfigurationError(f"kind is {self.kind!r}: that is neither text nor a function")

    def of(
        self,
        request: ModelRequest[Any],
        handler: Handler,
        *,
        blocking: bool,
        capped: bool,
        final: bool = False,
        aside: Sequence[BaseMessage] = (),
        within: ModelRequest[Any] | None = None,
    ) -> AgentStep:
        """The step that a request is.

        Args:
            request: what the agent wants to ask.
            handler: how it would ask it; `blocking` if it is synchronous.
            capped: whether the length of a reply must be bounded, for a budget's sake.
            final: whether the step may use the budget's reserve for the final answer.
            aside: turns that the model is to see last, and that are no part of the step.
            within: a request that offers more: what its prompts were measured to take bounds this one's.

        Raises:
            ConfigurationError: the model is none, or its output cannot be capped; or there is nothing to answer.
        """
        model = self._models.of(request.model, make=lambda: self._metered(request))
        offers = [self._offer(each) for each in (request, within) if each is not None]
        caps = [cap for cap in (self.max_tokens, model.max_tokens(request.model_settings)) if cap]
        step = Step(
            tuple(map(from_langchain, request.messages)),
            max_tokens=min(caps, default=MAX_TOKENS if capped else UNCAPPED),
            kind=self.kind if isinstance(self.kind, str) else self.kind(request),
            temperature=self.temperature,
            tools=offers[0].tools,
            answer_key=self.answer_key,
            final=final,
        )
        return AgentStep(step, HandlerSampler(request, handler, model, offers, aside=aside, blocking=blocking))

    def _metered(self, request: ModelRequest[Any]) -> MeteredModel:
        return MeteredModel(request.model, max_tokens_field=self.max_tokens_field, use_n=self.use_n)

    def _offer(self, request: ModelRequest[Any]) -> Offer:
        return self._offers.of(request.response_format, *request.tools, make=lambda: Offer.of(request))
