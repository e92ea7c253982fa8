"""A node for LangGraph: in place of the node that calls the model, with as many calls as a step is worth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.runtime import Runtime

from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.budget import Budget
from tts_agent.difficulty import Estimator
from tts_agent.nodes.arguments import check
from tts_agent.nodes.binding import ChatRunnable
from tts_agent.nodes.budgets import ledger
from tts_agent.nodes.errors import budget_errors
from tts_agent.nodes.metering import answering
from tts_agent.nodes.policies import PolicyName
from tts_agent.nodes.replies import METADATA_KEY, summary, winner
from tts_agent.nodes.wiring import running, wire
from tts_agent.reasoner import Result
from tts_agent.routing import Policy
from tts_agent.sampling import Sampler
from tts_agent.verifiers import Verifier

Update = dict[str, list[AIMessage]]


def adaptive_node(
    model: ChatRunnable | Sampler,
    *,
    policy: Policy | PolicyName = "auto",
    estimator: Estimator | None = None,
    verifier: Verifier | None = None,
    budget: Budget | int | None = None,
    messages_key: str = "messages",
    prompt: str | Callable[[Any], Any] | None = None,
    tools: Sequence[Any] = (),
    kind: str | Callable[[Any], str] = "default",
    answer_key: AnswerKey = answers.auto,
    max_samples: int = 8,
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
    the state. The winner is streamed whole; token by token only where the policy wants a single call outright.

    Args:
        model: a LangChain chat model, bare or with tools bound, or any `Sampler`.
        policy: chooses the strategy of each step; or the name of one, see `policies.policy_of`.
        estimator: predicts pass@1 before the first call.
        verifier: for a policy given by name.
        budget: a `Budget` that is shared with whatever else uses it, or a number of tokens for each
            invocation of the node. A run can bring its own as `tts_budget`: see `budgets.ledger`.
        messages_key: where the state keeps the conversation.
        prompt: a system prompt to put before the conversation, or a function from the state to the messages
            to send in its place.
        tools: for a `Sampler`; a LangChain model has its tools bound (`model.bind_tools(tools)`).
        kind: class of step, or a function from the state to it; what is learned is learned per class.
        answer_key: what counts as the same answer when samples vote.
        max_samples: most samples of a step, for a policy given by name.
        max_tokens: most output tokens of a sample; the model's own limit holds where it is lower.
        temperature: for every sample; None leaves the model's own. Voting needs samples that differ.
        seed: base of the random stream, for models that can be seeded.
        final: whether the node may use the budget's reserve for the final answer. A final node of the `token_budget`
            around it may in any case.
        max_retries: further tries of a call that failed but may succeed, each on the ledger.
        on_result: is shown every `Result`, for recording.

    Raises:
        ConfigurationError: an argument is wrong (now), or does not fit the state (when the node runs).

    The node itself raises `BudgetExceededError` when the budget has no room for a single call and
    `SamplerError` when every call failed; neither is ever turned into a message.
    """
    check(budget=budget)
    wired = wire(
        model,
        policy=policy,
        verifier=verifier,
        max_samples=max_samples,
        estimator=estimator,
        messages_key=messages_key,
        prompt=prompt,
        tools=tools,
        kind=kind,
        answer_key=answer_key,
        max_tokens=max_tokens,
        temperature=temperature,
        seed=seed,
        final=final,
        max_retries=max_retries,
        on_result=on_result,
    )

    def run(state: Any, config: RunnableConfig) -> Update:
        runtime = running()
        mine = ledger(budget, config, runtime)
        with budget_errors(), answering(mine):
            return update(wired.synchronous.run(wired.step(state), budget=mine), runtime)

    async def arun(state: Any, config: RunnableConfig) -> Update:
        runtime = running()
        mine = ledger(budget, config, runtime)
        with budget_errors(), answering(mine):
            return update(await wired.asynchronous.arun(wired.step(state), budget=mine), runtime)

    def update(result: Result, runtime: Runtime[Any] | None) -> Update:
        if runtime:
            runtime.stream_writer({METADATA_KEY: summary(result)})
        if on_result:
            on_result(result)
        return {messages_key: [winner(result, wired.name)]}

    return RunnableLambda(run, arun, name="adaptive_node")
