"""A chat model that answers with as many samples as a step is worth, for code that only takes a chat model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManager,
    AsyncCallbackManagerForLLMRun,
    CallbackManager,
    CallbackManagerForLLMRun,
)
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.language_models.base import LangSmithParams
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult, LLMResult
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import ensure_config
from pydantic import PrivateAttr

from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.budget import Budget
from tts_agent.difficulty import Estimator
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.adaptive_call import AdaptiveCall, Settings
from tts_agent.nodes.arguments import check
from tts_agent.nodes.live import astream, stream
from tts_agent.nodes.metered_model import MeteredModel
from tts_agent.nodes.model_calls import ADAPTIVE
from tts_agent.nodes.policies import PolicyName, policy_of
from tts_agent.nodes.rebinding import rebuilt
from tts_agent.nodes.usage_totals import StreamEnd, own_usage, own_usages, reply
from tts_agent.nodes.wave import HomeLoop
from tts_agent.portal import in_event_loop
from tts_agent.reasoner import Result
from tts_agent.routing import Policy
from tts_agent.verifiers import Verifier


class AdaptiveChatModel(BaseChatModel):
    """A chat model around a chat model: each call is answered with as many samples as it is worth.

    It takes the model's place where only a chat model fits (supervisors, deepagents' sub-agents, extraction
    libraries): `AdaptiveChatModel(model)`. Tools and schemas are bound by the model inside, in its provider's format.
    The reply is the winning sample as the model gave it, with its own usage, and with what was decided and spent in
    `response_metadata["tts_agent"]`. To callbacks a call is one run of a chat model whose usage is that of all its
    samples. A step that is given a single call outright is streamed live; any other comes whole.

    In agents made by `create_agent`, `AdaptiveReasoning` sees more: whole responses, tools, the run's state.

    Args:
        model: the chat model to ask. Its retries and its cache are off for samples; its rate limiter holds for each.
        policy: chooses the strategy of each step; or the name of one, see `policies.policy_of`.
        estimator: predicts pass@1 before the first call.
        verifier: for a policy given by name.
        budget: a `Budget` that is shared with whatever else uses it, or a number of tokens for each call. A run can
            bring its own as `tts_budget`: see `budgets.ledger`. Inside a `token_budget`, a `Budget` must be a child
            of that one's.
        max_samples: most samples of a step, for a policy given by name.
        max_tokens: most output tokens of a sample. The model's own limit, and the call's, hold where they are lower.
        temperature: for every sample; None leaves the model's own. Voting needs samples that differ.
        kind: class of step; what is learned is learned per class.
        answer_key: what counts as the same answer when samples vote.
        final: whether it may use the budget's reserve for the final answer.
        max_retries: further tries of a call that failed but may succeed, each on the ledger.
        max_tokens_field: the model's field or call argument that caps its output, where it is none of the usual ones.
        use_n: draw samples that are wanted together with one request and the field `n`, where the model has it: the
            prompt is paid once. An endpoint that refuses or ignores it is noticed. Not for structured output.
        on_result: is shown every `Result`, for recording.
        fields: those of every chat model (`cache`, `callbacks`, `tags`, ...).

    Raises:
        ConfigurationError: an argument is wrong.

    A call raises `BudgetExceededError` when the budget has no room for it, and the model's own error when every sample
    failed.
    """

    model: Any
    settings: Any
    _metered: MeteredModel = PrivateAttr()
    _home: HomeLoop = PrivateAttr(default_factory=HomeLoop)

    def __init__(
        self,
        model: BaseChatModel,
        *,
        policy: Policy | PolicyName = "auto",
        estimator: Estimator | None = None,
        verifier: Verifier | None = None,
        budget: Budget | int | None = None,
        max_samples: int = 8,
        max_tokens: int | None = None,
        temperature: float | None = None,
        kind: str = "default",
        answer_key: AnswerKey = answers.auto,
        final: bool = False,
        max_retries: int = 2,
        max_tokens_field: str | None = None,
        use_n: bool = False,
        on_result: Callable[[Result], None] | None = None,
        **fields: Any,
    ) -> None:
        if not isinstance(model, BaseChatModel):
            raise ConfigurationError(
                f"model is {model!r}: give a chat model itself, and bind tools and arguments to the adaptive one"
            )
        check(max_tokens_field=max_tokens_field)
        settings = Settings(
            policy=policy_of(policy, verifier, max_samples),
            estimator=estimator,
            budget=budget,
            max_tokens=max_tokens,
            temperature=temperature,
            kind=kind,
            answer_key=answer_key,
            final=final,
            max_retries=max_retries,
            on_result=on_result,
        )
        metered = MeteredModel(model, max_tokens_field=max_tokens_field, use_n=use_n)
        super().__init__(**{"model": model, "settings": settings, **fields})
        self._metered = metered

    # ------------------------------------------------------------------------------------------- what it says of itself

    @property
    def _llm_type(self) -> str:
        return ADAPTIVE

    @property
    def model_name(self) -> str:
        """The name of the model inside."""
        return self._metered.name

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {**self.model._identifying_params, "adaptive": repr(self.settings)}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params: LangSmithParams = self.model._get_ls_params(stop=stop, **kwargs)
        return params

    def _resolve_model_profile(self) -> Any:
        return self.model.profile

    def get_num_tokens(self, text: str) -> int:
        """About how many tokens the text has. No tokenizer is downloaded."""
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return count_tokens_approximately([HumanMessage(text)], extra_tokens_per_message=0, count_name=False)

    def get_num_tokens_from_messages(self, messages: list[BaseMessage], tools: Sequence[Any] | None = None) -> int:
        """About how many tokens the messages and tools have. No tokenizer is downloaded."""
        return count_tokens_approximately(messages, tools=list(tools) if tools else None)

    # ----------------------------------------------------------------------------------------------- tools and schemas

    def bind_tools(
        self, tools: Sequence[Any], *, tool_choice: str | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Offer tools, as the model inside formats them."""
        choice = {} if tool_choice is None else {"tool_choice": tool_choice}
        return rebuilt(self.model.bind_tools(tools, **choice, **kwargs), self.model, self)

    def with_structured_output(self, schema: Any, **kwargs: Any) -> Runnable[LanguageModelInput, Any]:
        """Ask for replies of a schema, as the model inside does. Samples vote before their reply is parsed."""
        return rebuilt(self.model.with_structured_output(schema, **kwargs), self.model, self)

    # ----------------------------------------------------------------------------------------------------------- calls

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _answered(self._call(messages, stop, run_manager, kwargs).run())

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _answered(await self._call(messages, stop, run_manager, kwargs).arun())

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        call, end = self._call(messages, stop, run_manager, kwargs), StreamEnd()
        if in_event_loop():  # which may have to finish what another thread would wait for here
            yield from end.finish(call.run())
            return
        for arrived in stream(call.run):
            yield from end.finish(arrived) if isinstance(arrived, Result) else end.pass_on(arrived)

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        call, end = self._call(messages, stop, run_manager, kwargs), StreamEnd()
        async with aclosing(astream(call.arun)) as arriving:
            async for arrived in arriving:
                for chunk in end.finish(arrived) if isinstance(arrived, Result) else end.pass_on(arrived):
                    yield chunk

    def _call(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        run_manager: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun | None,
        arguments: dict[str, Any],
    ) -> AdaptiveCall:
        metadata = {**(ensure_config().get("metadata") or {}), **(run_manager.metadata if run_manager else {})}
        return AdaptiveCall(
            settings=self.settings,
            model=self._metered,
            home=self._home,
            messages=messages,
            stop=stop or (),
            arguments=arguments,
            config=_beneath(run_manager) if run_manager else None,
            metadata=metadata,
        )

    # ---------------------------------------------------- callbacks have seen the total: the caller gets the winner's

    def generate(self, *args: Any, **kwargs: Any) -> LLMResult:
        """See `BaseChatModel.generate`."""
        return own_usages(super().generate(*args, **kwargs))

    async def agenerate(self, *args: Any, **kwargs: Any) -> LLMResult:
        """See `BaseChatModel.agenerate`."""
        return own_usages(await super().agenerate(*args, **kwargs))

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[AIMessageChunk]:
        """See `BaseChatModel.stream`."""
        for chunk in super().stream(*args, **kwargs):
            yield own_usage(chunk)

    async def astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[AIMessageChunk]:
        """See `BaseChatModel.astream`."""
        async with aclosing(super().astream(*args, **kwargs)) as chunks:  # type: ignore[type-var]
            async for chunk in chunks:
                yield own_usage(chunk)


def _answered(result: Result) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=reply(result))])


def _beneath(run: CallbackManagerForLLMRun | AsyncCallbackManagerForLLMRun) -> RunnableConfig:
    """The caller's config for what runs beneath a run: LangChain has this for chains, and not for models."""
    kind = AsyncCallbackManager if isinstance(run, AsyncCallbackManagerForLLMRun) else CallbackManager
    callbacks = kind(handlers=[], parent_run_id=run.run_id)
    callbacks.set_handlers(run.inheritable_handlers)
    callbacks.add_tags(run.inheritable_tags)
    callbacks.add_metadata(run.inheritable_metadata)
    return {**ensure_config(), "callbacks": callbacks}
