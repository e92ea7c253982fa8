"""What every node is built from: a model, the reasoners behind it, and the step that a state asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.runnables import Runnable
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.runtime import Runtime, get_runtime

from tts_agent.answers import AnswerKey
from tts_agent.difficulty import Estimator
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.binding import ChatRunnable
from tts_agent.nodes.budgets import checked
from tts_agent.nodes.chat_model import ChatModelSampler
from tts_agent.nodes.messages import from_langchain, portable
from tts_agent.nodes.steps import StepMaker
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import Policy
from tts_agent.sampling import Sampler


@dataclass(frozen=True)
class Wiring:
    """A model, ready to answer steps in synchronous and in asynchronous graphs."""

    step: StepMaker
    synchronous: AdaptiveReasoner
    """Calls the model in threads: its asynchronous client must stay with the event loop of asynchronous callers."""
    asynchronous: AdaptiveReasoner

    @property
    def name(self) -> str:
        """The model's identity."""
        return self.asynchronous.sampler.name


def wire(
    model: ChatRunnable | Sampler,
    *,
    policy: Policy | None,
    estimator: Estimator | None,
    messages_key: str,
    prompt: str | Callable[[Any], Any] | None,
    tools: Sequence[Any],
    kind: str | Callable[[Any], str],
    answer_key: AnswerKey,
    max_tokens: int,
    temperature: float | None,
    seed: int | None,
    final: bool,
    max_retries: int,
) -> Wiring:
    """Wire a model up. The arguments are those of `adaptive_node`.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    if not isinstance(model, Runnable | Sampler):
        raise ConfigurationError(f"model is {model!r}: give a LangChain chat model or a tts_agent Sampler")
    if tools and isinstance(model, Runnable | ChatModelSampler):
        raise ConfigurationError("bind the tools to the model itself: model.bind_tools(tools)")
    for name, value, method in (("policy", policy, "decide"), ("estimator", estimator, "predict")):
        if value is not None and not callable(getattr(value, method, None)):
            raise ConfigurationError(f"{name} is {value!r}, which has no method {method}()")
    sampler = ChatModelSampler(model) if isinstance(model, Runnable) else model
    langchain = sampler if isinstance(sampler, ChatModelSampler) else None
    settings: dict[str, Any] = {"policy": policy, "estimator": estimator, "max_retries": max_retries}
    step = StepMaker(
        messages_key=messages_key,
        prompt=prompt,
        kind=kind,
        answer_key=answer_key,
        max_tokens=min(checked(max_tokens, "max_tokens"), (langchain and langchain.max_tokens) or max_tokens),
        temperature=temperature,
        seed=seed,
        final=final,
        tools=langchain.tools if langchain else tuple(map(convert_to_openai_tool, tools)),
        turn=from_langchain if langchain else portable,
    )
    return Wiring(
        step=step,
        synchronous=AdaptiveReasoner(langchain.in_threads() if langchain else sampler, **settings),
        asynchronous=AdaptiveReasoner(sampler, **settings),
    )


def running() -> Runtime[Any] | None:
    """The runtime of the graph that is running, None outside one."""
    runtime: Runtime[Any] | None = get_runtime()
    return runtime
