"""Chat models inside what LangChain wraps around them: `bind_tools`, `bind` and `with_config`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableBinding
from langchain_core.runnables.retry import RunnableRetry

from tts_agent.exceptions import ConfigurationError

ChatRunnable = Runnable[Any, AIMessage]
"""A chat model, bare or bound."""


def chat_model(runnable: object) -> BaseChatModel:
    """The chat model at the bottom of a stack of bindings.

    Raises:
        ConfigurationError: there is none, or something in between would call it in ways no budget can see.
    """
    if isinstance(runnable, BaseChatModel):
        return runnable
    if isinstance(runnable, RunnableRetry):
        raise ConfigurationError(
            "with_retry() repeats calls that no budget sees: pass the model without it "
            "(failed calls are retried anyway, each on the ledger)"
        )
    if isinstance(runnable, RunnableBinding):
        return chat_model(runnable.bound)
    raise ConfigurationError(
        "expected a LangChain chat model, bare or with bind_tools(), bind() or with_config(), "
        f"got {type(runnable).__name__}"
    )


def bound_arguments(runnable: ChatRunnable) -> dict[str, Any]:
    """The arguments that all bindings together call the model with; outer ones win, as they do in a call."""
    if isinstance(runnable, RunnableBinding):
        return {**bound_arguments(runnable.bound), **runnable.kwargs}
    return {}


def rebound(
    runnable: ChatRunnable,
    model: BaseChatModel,
    arguments: Callable[[Mapping[str, Any]], Mapping[str, Any]] = dict,
) -> ChatRunnable:
    """The same stack of bindings around another model, with the arguments of each binding mapped."""
    if isinstance(runnable, RunnableBinding):
        inner = rebound(runnable.bound, model, arguments)
        return runnable.model_copy(update={"bound": inner, "kwargs": arguments(runnable.kwargs)})
    return model
