"""A step as a graph of its own: estimate, route, draw, commit, each a node to be seen in Studio and in traces.

    START -> estimate -> route -> single | sample (n at once, by Send) | refine -> route -> ... -> commit -> END

It does what `adaptive_node` does, by the same policies and strategies on the same ledger. What differs is where:
`route` runs the flow of the step up to its next request for samples (see `step_log`), and nodes of their own draw them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any

from langchain_core.messages import message_to_dict, messages_from_dict
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.types import Command, Send

from tts_agent import answers
from tts_agent.answers import AnswerKey
from tts_agent.budget import Budget
from tts_agent.difficulty import Estimator
from tts_agent.driver import Driver
from tts_agent.effects import Balance, Flow, Generate, call, generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes.binding import ChatRunnable
from tts_agent.nodes.budgets import shared_ledger
from tts_agent.nodes.errors import budget_errors
from tts_agent.nodes.json_values import from_json, to_json
from tts_agent.nodes.metering import answering
from tts_agent.nodes.policies import PolicyName
from tts_agent.nodes.replies import METADATA_KEY, winner
from tts_agent.nodes.step_log import Entry, Pause, Replay, begun, drawn, extended
from tts_agent.nodes.wiring import Wiring, running, wire
from tts_agent.portal import in_event_loop, run_sync
from tts_agent.reasoner import Result, answered
from tts_agent.routing import Policy
from tts_agent.sampling import Sampler, SampleRequest
from tts_agent.step import Step
from tts_agent.verifiers import Verifier

LOG = "tts_log"
"""Where the graph's own state keeps the log of the step under way; empty before and after it."""


class AdaptiveStepState(MessagesState):
    """The conversation, which is all that goes in and comes out, and the log of the step under way, as JSON data.

    Samples are in the log as dicts: messages in a state are streamed, and the losers' are nobody's business.
    """

    tts_log: Annotated[list[Entry], extended]


AdaptiveStep = StateGraph[AdaptiveStepState, None, MessagesState, MessagesState]


def create_adaptive_step(
    model: ChatRunnable | Sampler,
    *,
    policy: Policy | PolicyName = "auto",
    estimator: Estimator | None = None,
    verifier: Verifier | None = None,
    budget: Budget | None = None,
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
) -> AdaptiveStep:
    """The graph, uncompiled: `graph.add_node("agent", create_adaptive_step(model).compile())`.

    Its input and output are `messages`, to which the winning reply is added, with what was decided in
    `response_metadata["tts_agent"]`; the same goes out on the custom stream. Under a checkpointer a run that was
    killed is taken up where it stood: samples that had come back are not drawn again.

    In synchronous graphs LangGraph runs as many samples at once as the machine has processors, plus four, unless
    `config["max_concurrency"]` says how many. `adaptive_node` has no such limit, and
    its steps cost less time (`benchmarks/dropin.py`).

    Args:
        budget: a `Budget`, shared by all samples of all runs. A run can bring its own as `tts_budget`, or be put on
            one by `token_budget`. A number is refused: every node would count on its own.

    The other arguments are those of `adaptive_node`; so are the errors. Estimators and verifiers must reply with
    values that can be kept in the state: numbers, texts, `Beta`, `Verdict`, and lists of them.

    Raises:
        ConfigurationError: an argument is wrong.
    """
    if budget is not None and not isinstance(budget, Budget):
        raise ConfigurationError(f"budget is {budget!r}: give a tts_agent.Budget, which all nodes of the graph share")
    wired = wire(
        model,
        policy=policy,
        verifier=verifier,
        max_samples=max_samples,
        estimator=estimator,
        messages_key="messages",
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

    def estimate(state: AdaptiveStepState, _: Driver) -> Flow[dict[str, Any]]:
        step, replay = wired.step(state), Replay([])
        yield from replay.run(wired.asynchronous.answer(step), until=Balance)
        return {LOG: [begun(step.kind, wired.name), *replay.new]}

    def route(state: AdaptiveStepState, driver: Driver) -> Flow[Command[str]]:
        step, replay = wired.step(state), Replay(state["tts_log"])
        end = yield from replay.run(wired.asynchronous.answer(step), until=Generate)
        if isinstance(end, Pause):
            assert isinstance(end.effect, Generate)
            asked = {"asked": end.effect.n}
            return Command(update={LOG: [*replay.new, asked]}, goto=_draws(step, end.effect, end.offset))
        result = answered(end, replay.charged, replay.events, replay.last_failure)
        ledger = driver.budget
        if ledger.paced:
            yield from call(lambda: ledger.finished(result.step.kind, result.spent, result.decision.price))
        if on_result:
            on_result(result)
        reply = message_to_dict(winner(result, wired.name))
        return Command(goto=Send("commit", {"reply": reply}))

    def draw(asked: dict[str, Any], driver: Driver) -> Flow[dict[str, Any]]:
        batch = yield from generate(from_json(asked["request"]), 1, final=asked["final"])
        return {LOG: [drawn(batch, driver)]}

    graph = StateGraph(AdaptiveStepState, input_schema=MessagesState, output_schema=MessagesState)
    graph.add_node("estimate", _node(wired, budget, estimate))
    graph.add_node("route", _node(wired, budget, route), destinations=("single", "sample", "refine", "commit"))
    for name in ("single", "sample", "refine"):
        graph.add_node(name, _node(wired, budget, draw)).add_edge(name, "route")
    graph.add_node("commit", _COMMIT)
    return graph.add_edge(START, "estimate").add_edge("estimate", "route").add_edge("commit", END)


def _draws(step: Step, wanted: Generate, offset: int) -> list[Send]:
    """One branch a sample, each with a request of its own: branches see nothing of the state."""
    name = "sample" if wanted.n > 1 else "single" if wanted.request.messages == step.messages else "refine"
    return [
        Send(name, {"request": to_json(_at(wanted.request, offset + index)), "final": wanted.final})
        for index in range(wanted.n)
    ]


def _at(request: SampleRequest, offset: int) -> SampleRequest:
    return replace(request, offset=request.offset + offset)


def _node(wired: Wiring, budget: Budget | None, flow: Callable[[Any, Driver], Flow[Any]]) -> Runnable[Any, Any]:
    """A node that performs a flow, with the model's calls on the ledger of the run."""

    def run(state: Any, config: RunnableConfig) -> Any:
        mine = shared_ledger(budget, config, running())
        driver = wired.synchronous.driver(mine, may_wait=not in_event_loop())
        with budget_errors(), answering(mine):
            return run_sync(driver.run(flow(state, driver)))

    async def arun(state: Any, config: RunnableConfig) -> Any:
        mine = shared_ledger(budget, config, running())
        driver = wired.asynchronous.driver(mine, may_wait=True)
        with budget_errors(), answering(mine):
            return await driver.run(flow(state, driver))

    return RunnableLambda(run, arun, name=flow.__name__)


def _commit(chosen: dict[str, Any]) -> dict[str, Any]:
    """Put the winner into the conversation and clear the log."""
    (reply,) = messages_from_dict([chosen["reply"]])
    if runtime := running():
        runtime.stream_writer({METADATA_KEY: reply.response_metadata[METADATA_KEY]})
    return {"messages": [reply], LOG: None}


_COMMIT: Runnable[Any, Any] = RunnableLambda(_commit, name="commit")
