"""What every node is built from: a model, the reasoners behind it, and the step that a state asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from langchain_core.runnables import Runnable
from langchain_core.runnables.config import ensure_config
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.runtime import Runtime, get_runtime

from tts_agent.answers import AnswerKey
from tts_agent.difficulty import Estimator
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.arguments import check
from tts_agent.nodes.binding import ChatRunnable
from tts_agent.nodes.budgets import checked
from tts_agent.nodes.chat_model import ChatModelSampler
from tts_agent.nodes.guard import in_final_node
from tts_agent.nodes.messages import from_langchain, portable
from tts_agent.nodes.policies import PolicyName, policy_of
from tts_agent.nodes.steps import StepMaker
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import Policy
from tts_agent.sampling import Sampler
from tts_agent.step import Step
from tts_agent.verifiers import Verifier


@dataclass(frozen=True)
class Wiring:
    """A model, ready to answer steps in synchronous and in asynchronous graphs."""

    make: StepMaker
    synchronous: AdaptiveReasoner
    """Calls the model in threads: its asynchronous client must stay with the event loop of asynchronous callers."""
    asynchronous: AdaptiveReasoner

    @property
    def name(self) -> str:
        """The model's identity."""
        return self.asynchronous.sampler.name

    def step(self, state: Any) -> Step:
        """The step that a state asks for. In a final node of the `token_budget` around, it may use the reserve.

        Raises:
            ConfigurationError: the state has no conversation, or an empty one.
        """
        step = self.make(state)
        return replace(step, final=step.final or in_final_node(ensure_config()["metadata"]))


def wire(
    model: ChatRunnable | Sampler,
    *,
    policy: Policy | PolicyName,
    verifier: Verifier | None,
    max_samples: int,
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
    on_result: object,
) -> Wiring:
    """Wire a model up. The arguments are those of `adaptive_node`.

    Raises:
        ConfigurationError: one of them is wrong.
    """
    if not isinstance(model, Runnable | Sampler):
        raise ConfigurationError(f"model is {model!r}: give a LangChain chat model or a tts_agent Sampler")
    if tools and isinstance(model, Runnable | ChatModelSampler):
        raise ConfigurationError("bind the tools to the model itself: model.bind_tools(tools)")
    check(estimator=estimator, temperature=temperature, seed=seed, max_retries=max_retries, on_result=on_result)
    sampler = ChatModelSampler(model) if isinstance(model, Runnable) else model
    langchain = sampler if isinstance(sampler, ChatModelSampler) else None
    settings: dict[str, Any] = {
        "policy": policy_of(policy, verifier, max_samples),
        "estimator": estimator,
        "max_retries": max_retries,
    }
    make = StepMaker(
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
        make=make,
        synchronous=AdaptiveReasoner(langchain.in_threads() if langchain else sampler, **settings),
        asynchronous=AdaptiveReasoner(sampler, **settings),
    )


def running() -> Runtime[Any] | None:
    """The runtime of the graph that is running, None outside one."""
    try:
        runtime: Runtime[Any] | None = get_runtime()
    except (RuntimeError, KeyError):  # no runnable is running, let alone a graph
        return None
    return runtime
