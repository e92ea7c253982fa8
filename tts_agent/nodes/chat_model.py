"""LangChain chat models as samplers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.errors import GraphBubbleUp
from pydantic import SecretStr

from tts_agent.exceptions import BudgetExhausted, ConfigurationError
from tts_agent.nodes.binding import ChatRunnable, bound_arguments, chat_model, rebound
from tts_agent.nodes.capping import cap_names, metered, own_cap, with_fields, within_caps
from tts_agent.nodes.errors import as_failure
from tts_agent.nodes.messages import to_langchain
from tts_agent.nodes.prompt_bound import PromptBound
from tts_agent.nodes.replies import to_sample, usage
from tts_agent.nodes.wave import Call, HomeLoop, draw
from tts_agent.sampling import SampleBatch, SampleRequest, Usage


class ChatModelSampler:
    """Draws samples from a LangChain chat model: n concurrent calls that tracing sees and streams do not.

    Each call is one billed request: output capped on a copy of the model, no cache, no retries of the
    provider's SDK. Tools are those bound to the model, and are sent with every request.

    Args:
        model: a chat model, bare or with `bind_tools()`, `bind()` or `with_config()`.
        name: model identity for the difficulty estimator; by default the model's own name.
        blocking: call `invoke` in threads instead of `ainvoke`, for synchronous callers. On any event loop but
            the first that it meets, a sampler does so in any case (see `wave.HomeLoop`).
        max_tokens_field: the field or call argument that caps the output, where it is none of the usual ones.

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
    ) -> None:
        inner = chat_model(model)
        self._caps = cap_names(inner, max_tokens_field)
        self._arguments = bound_arguments(model)
        self._model = metered(inner)
        self._stack = rebound(model, self._model, within_caps)
        self._secrets = [value.get_secret_value() for value in vars(inner).values() if isinstance(value, SecretStr)]
        self._bound = PromptBound()
        self._home = HomeLoop()
        self.blocking = blocking
        self.max_tokens = own_cap(inner, self._caps, self._arguments)
        """The model's own limit on output tokens, which no request can raise; None when it has none."""
        self.tools: tuple[Mapping[str, Any], ...] = tuple(
            offered if isinstance(offered, Mapping) else convert_to_openai_tool(offered)
            for offered in self._arguments.get("tools") or ()
        )
        """The tools bound to the model, as a rule in its provider's format."""
        self.name: str = name or _name(inner)

    def in_threads(self) -> ChatModelSampler:
        """The same sampler for synchronous callers; both learn the sizes of prompts together."""
        sibling = copy(self)
        sibling.blocking = True
        return sibling

    def token_bound(self, request: SampleRequest) -> int:
        """Upper bound on the prompt tokens of one call; a guess where it holds images (see `PromptBound`)."""
        return self._bound([to_langchain(message) for message in request.messages], self._around(request))

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """Draw `n` samples at once, in `n` threads if blocking. A failed call leaves the others alone.

        Raises:
            SamplerError: every call failed.
            GraphBubbleUp: the graph is being interrupted.
            BudgetExhausted: another budget, installed around the model, refused.
        """
        if request.tools and tuple(request.tools) != self.tools:
            raise ConfigurationError("bind the tools to the model itself: model.bind_tools(tools)")
        messages = [to_langchain(message) for message in request.messages]
        calls = [self._call(request, index, messages) for index in range(request.offset, request.offset + n)]
        replies = await draw(calls, blocking=self.blocking or not self._home.is_here())
        errors = [reply for reply in replies if isinstance(reply, BaseException)]
        for error in errors:
            if _concerns_all(error):
                raise error
        answers = [reply for reply in replies if isinstance(reply, AIMessage)]
        failures = tuple(as_failure(error, self._secrets) for error in errors)
        if failures and not answers:
            raise max(failures, key=lambda failure: (failure.billed, not failure.retryable))
        bills = [bill for bill in map(usage, answers) if bill is not None]
        for bill in bills:
            self._bound.learn(messages, self._around(request), bill.input_tokens)
        return SampleBatch(
            samples=tuple(to_sample(answer) for answer in answers),
            usage=sum(bills, Usage()),
            unaccounted=len(answers) - len(bills) + sum(failure.billed for failure in failures),
            failures=failures,
        )

    def _around(self, request: SampleRequest) -> dict[str, Any]:
        """The call arguments that may become part of the prompt."""
        return {**(getattr(self._model, "model_kwargs", None) or {}), **self._arguments, **request.options}

    def _call(self, request: SampleRequest, index: int, messages: Sequence[BaseMessage]) -> Call:
        """One capped call: settings as fields of a copy of the model, where it has them, else as arguments."""
        cap = min(request.max_tokens, self.max_tokens or request.max_tokens)
        settings: dict[str, Any] = dict.fromkeys(self._caps, cap)
        overridden: tuple[str, ...] = ()
        if request.temperature is not None:
            settings["temperature"], overridden = request.temperature, ("temperature",)
        if request.seed is not None and "seed" in type(self._model).model_fields:
            settings["seed"] = request.seed + index
        model, further = with_fields(self._model, settings)
        stop = {"stop": list(request.stop)} if request.stop else {}
        stack = rebound(self._stack, model, lambda bound: _without(bound, overridden))
        return Call(index, stack, messages, {**stop, **within_caps(request.options), **further})


def _concerns_all(error: BaseException) -> bool:
    """Whether this ends more than one call: an interrupt, an outer budget, the end of the program."""
    return isinstance(error, GraphBubbleUp | BudgetExhausted) or not isinstance(error, Exception)


def _without(arguments: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in names}


def _name(model: object) -> str:
    names = (getattr(model, field, None) for field in ("model_name", "model", "model_id"))
    return next((name for name in names if isinstance(name, str) and name), type(model).__name__)
