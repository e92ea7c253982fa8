"""A node for LangGraph: in place of the node that calls the model, with as many calls as a step is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.runtime import Runtime, get_runtime

from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.budget import Budget
from tts_agent.difficulty import Estimator
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.binding import ChatRunnable
from tts_agent.nodes.budgets import checked, ledger
from tts_agent.nodes.chat_model import ChatModelSampler
from tts_agent.nodes.errors import budget_errors
from tts_agent.nodes.messages import from_langchain, portable
from tts_agent.nodes.metering import answering
from tts_agent.nodes.replies import METADATA_KEY, summary, winner
from tts_agent.nodes.steps import StepMaker
from tts_agent.reasoner import AdaptiveReasoner, Result
from tts_agent.routing import Policy
from tts_agent.sampling import Sampler

Update = dict[str, list[AIMessage]]


def adaptive_node(
    model: ChatRunnable | Sampler,
    *,
    policy: Policy | None = None,
    estimator: Estimator | None = None,
    budget: Budget | int | None = None,
    messages_key: str = "messages",
    prompt: str | Callable[[Any], Any] | None = None,
    tools: Sequence[Any] = (),
    kind: str | Callable[[Any], str] = "default",
    answer_key: AnswerKey = answers.auto,
    max_tokens: int = 1024,
    temperature: float | None = None,
    seed: int | None = None,
    final: bool = False,
    max_retries: int = 2,
    on_result: Callable[[Result], None] | None = None,
) -> Runnable[Any, Update]:
    """A node that answers the conversation in the state and returns `{messages_key: [AIMessage]}`.

    It goes wherever a node calls a model, in synchronous and asynchronous graphs:
    `graph.add_node("agent", adaptive_node(model))`. The message it returns is the winning reply as the model
    gave it, with what was decided in `response_metadata["tts_agent"]`; the same goes out on the custom
    stream. The other samples are traced, and counted by usage callbacks, but neither streamed nor put into
    the state. The winner is streamed whole, not token by token.

    Args:
        model: a LangChain chat model, bare or with tools bound, or any `Sampler`.
        policy: chooses the strategy of each step; verifiers belong to it. By default `MarginalValue()`.
        estimator: predicts pass@1 before the first call.
        budget: a `Budget` that is shared with whatever else uses it, or a number of tokens for each
            invocation of the node. A run can bring its own as `tts_budget`: see `budgets.ledger`.
        messages_key: where the state keeps the conversation.
        prompt: a system prompt to put before the conversation, or a function from the state to the messages
            to send in its place.
        tools: for a `Sampler`; a LangChain model has its tools bound (`model.bind_tools(tools)`).
        kind: class of step, or a function from the state to it; what is learned is learned per class.
        answer_key: what counts as the same answer when samples vote.
        max_tokens: most output tokens of a sample; the model's own limit holds where it is lower.
        temperature: for every sample; None leaves the model's own. Voting needs samples that differ.
        seed: base of the random stream, for models that can be seeded.
        final: whether the node may use the budget's reserve for the final answer.
        max_retries: further tries of a call that failed but may succeed, each on the ledger.
        on_result: is shown every `Result`, for recording.

    Raises:
        ConfigurationError: an argument is wrong (now), or does not fit the state (when the node runs).

    The node itself raises `BudgetExceededError` when the budget has no room for a single call and
    `SamplerError` when every call failed; neither is ever turned into a message.
    """
    _check(model, policy, estimator, budget, tools)
    sampler = ChatModelSampler(model) if isinstance(model, Runnable) else model
    langchain = sampler if isinstance(sampler, ChatModelSampler) else None
    # A model's asynchronous client must stay with the caller's event loop: synchronous runs use the other one.
    blocking = langchain.in_threads() if langchain else sampler
    settings: dict[str, Any] = {"policy": policy, "estimator": estimator, "max_retries": max_retries}
    asynchronous, synchronous = AdaptiveReasoner(sampler, **settings), AdaptiveReasoner(blocking, **settings)
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

    def run(state: Any, config: RunnableConfig) -> Update:
        runtime = _runtime()
        mine = ledger(budget, config, runtime)
        with budget_errors(), answering(mine):
            return update(synchronous.run(step(state), budget=mine), runtime)

    async def arun(state: Any, config: RunnableConfig) -> Update:
        runtime = _runtime()
        mine = ledger(budget, config, runtime)
        with budget_errors(), answering(mine):
            return update(await asynchronous.arun(step(state), budget=mine), runtime)

    def update(result: Result, runtime: Runtime[Any] | None) -> Update:
        if runtime:
            runtime.stream_writer({METADATA_KEY: summary(result)})
        if on_result:
            on_result(result)
        return {messages_key: [winner(result, sampler.name)]}

    return RunnableLambda(run, arun, name="adaptive_node")


def _check(model: object, policy: object, estimator: object, budget: object, tools: Sequence[Any]) -> None:
    if not isinstance(model, Runnable | Sampler):
        raise ConfigurationError(f"model is {model!r}: give a LangChain chat model or a tts_agent Sampler")
    if tools and isinstance(model, Runnable | ChatModelSampler):
        raise ConfigurationError("bind the tools to the model itself: adaptive_node(model.bind_tools(tools))")
    if budget is not None and not isinstance(budget, Budget):
        checked(budget, "budget", "or a tts_agent.Budget")
    for name, value, method in (("policy", policy, "decide"), ("estimator", estimator, "predict")):
        if value is not None and not callable(getattr(value, method, None)):
            raise ConfigurationError(f"{name} is {value!r}, which has no method {method}()")


def _runtime() -> Runtime[Any] | None:
    """The runtime of the graph that is running, None outside one."""
    runtime: Runtime[Any] | None = get_runtime()
    return runtime
