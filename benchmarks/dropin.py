"""What dropping it in costs: ``python -m benchmarks.dropin``.

One step of an agent against an endpoint on this machine that takes a fixed time to answer, bare and with
`AdaptiveReasoning`, `adaptive_node` and `create_adaptive_step`, in turns in one run; then a run of five steps, and a
step at the end of a long conversation. Prints medians with quartiles, and the difference to the bare one of the same
turn with its quartiles. Eight bare calls at once are the least that eight votes by single calls can take: a client's
own work on a call is a few milliseconds of one core. The endpoint is a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import quantiles
from time import perf_counter, process_time
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import SecretStr

from tts_agent.messages import ToolCall
from tts_agent.nodes import AdaptiveReasoning, adaptive_node, create_adaptive_step, token_budget
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import Reply, ScriptedSampler

ASKED: Any = {"messages": [HumanMessage("What is 6 * 7?")]}
SINGLE, VOTE = Fixed(Single()), Fixed(SelfConsistency(FixedSize(8)))
Ask = Callable[[], Awaitable[float]]
Clock = Callable[[], float]
STEPS = 5
"""Of the longer run: all but the last call a tool."""
LONG: Any = {
    "messages": [
        *ASKED["messages"],
        *(
            turn
            for call in map(str, range(20))
            for turn in (
                AIMessage("", tool_calls=[{"name": "look_up", "args": {"what": "a word " * 30}, "id": call}]),
                ToolMessage("what is known about it " * 100, tool_call_id=call),
            )
        ),
    ]
}
"""41 messages."""


@tool
def look_up(what: str) -> str:
    """Look something up."""
    return f"nothing is known about {what}"


def script(request: SampleRequest, _: int) -> Reply:
    """Calls the tool until it was called often enough, if there is one."""
    if request.tools and sum(message.role == "tool" for message in request.messages) < STEPS - 1:
        return Sample("", "tool_calls", (ToolCall("look_up", '{"what": "a word"}'),))
    return "the answer is 42"


class Empty(AgentMiddleware[Any, Any, Any]):
    """Has the hooks that `AdaptiveReasoning` has and does nothing in them: what LangChain takes for these."""

    async def abefore_agent(self, state: Any, runtime: Any) -> None:
        return None

    async def awrap_model_call(self, request: Any, handler: Any) -> Any:
        return await handler(request)


def agents(model: ChatOpenAI) -> Mapping[str, Any]:
    """What is compared. The first is the bare agent."""

    def wrapped(policy: Fixed, **settings: Any) -> Any:
        return create_agent(model, [], middleware=[AdaptiveReasoning(policy=policy, max_tokens=100, **settings)])

    def in_a_graph(node: Any) -> Any:
        return StateGraph(MessagesState).add_node("agent", node).add_edge(START, "agent").compile()

    async def bare(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model.ainvoke(state["messages"])]}

    async def eight(state: MessagesState) -> dict[str, Any]:
        return {"messages": (await asyncio.gather(*[model.ainvoke(state["messages"]) for _ in range(8)]))[:1]}

    return {
        "bare create_agent": create_agent(model, []),
        "a middleware that does nothing": create_agent(model, [], middleware=[Empty()]),
        "AdaptiveReasoning, single": wrapped(SINGLE),
        "AdaptiveReasoning, 8 votes": wrapped(VOTE),
        "AdaptiveReasoning, n=8": wrapped(VOTE, use_n=True),
        "bare node, 8 calls at once": in_a_graph(eight),
        "bare node": in_a_graph(bare),
        "adaptive_node, single": in_a_graph(adaptive_node(model, policy=SINGLE, max_tokens=100)),
        "adaptive_node, 8 votes": in_a_graph(adaptive_node(model, policy=VOTE, max_tokens=100)),
        "adaptive step, single": create_adaptive_step(model, policy=SINGLE, max_tokens=100).compile(),
        "adaptive step, 8 votes": create_adaptive_step(model, policy=VOTE, max_tokens=100).compile(),
    }


async def answer(clock: Clock, agent: Any, asked: Any = ASKED) -> float:
    """Seconds until the whole answer is there."""
    start = clock()
    await agent.ainvoke(asked)
    return clock() - start


async def first_token(clock: Clock, agent: Any) -> float:
    """Seconds until the first streamed token is there; the stream is read to its end."""
    start, seen = clock(), None
    async for _ in agent.astream(ASKED, stream_mode="messages"):
        seen = seen or clock()
    assert seen is not None
    return seen - start


async def guarded(clock: Clock, agent: Any) -> float:
    """`answer` under a `token_budget`."""
    async with token_budget(100_000):
        return await answer(clock, agent)


async def turns(asks: Mapping[str, Ask], rounds: int) -> dict[str, list[float]]:
    """Seconds of each, asked in turn so that what else the machine does meets all of them."""
    for ask in asks.values():
        await ask()
    times: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(rounds):
        for name, ask in asks.items():
            times[name].append(await ask())
    return times


def report(title: str, times: Mapping[str, list[float]]) -> None:
    """A line each: quartiles in milliseconds, and those of the difference to the last bare one before it."""
    print(title)
    base: list[float] = []
    for name, taken in times.items():
        low, middle, high = (1e3 * value for value in quantiles(taken, n=4))
        line = f"  {name:30} {middle:7.1f} ms ({low:.1f} to {high:.1f})"
        if name.startswith("bare"):
            base = taken
        else:
            more = quantiles([1e3 * (time - reference) for time, reference in zip(taken, base, strict=True)], n=4)
            line += (
                f"   {more[1]:+6.1f} ms ({more[0]:+.1f} to {more[2]:+.1f})   x{middle / 1e3 / quantiles(base)[1]:.2f}"
            )
        print(line)


async def measure(model: ChatOpenAI, rounds: int, clock: Clock) -> None:
    """All of it, on one event loop."""
    compared = agents(model)
    asks: dict[str, Ask] = {name: partial(answer, clock, agent) for name, agent in compared.items()}
    report("until the answer", await turns(asks, rounds))
    single = AdaptiveReasoning(policy=SINGLE, max_tokens=100)
    bare, wrapped = (create_agent(model, [look_up], middleware=middleware) for middleware in ([], [single]))
    both: dict[str, Any] = {"bare create_agent": bare, "AdaptiveReasoning, single": wrapped}
    asks = {name: partial(answer, clock, agent) for name, agent in both.items()}
    report(f"a run of {STEPS} steps with a tool", await turns(asks, rounds // 2))
    asks = {name: partial(answer, clock, agent, LONG) for name, agent in both.items()}
    report("a step after a conversation of 41 messages", await turns(asks, rounds))
    bare = compared["bare create_agent"]
    report(
        "a bare agent under token_budget",
        await turns(
            {"bare create_agent": lambda: answer(clock, bare), "token_budget": lambda: guarded(clock, bare)}, rounds
        ),
    )
    wrapped = compared["AdaptiveReasoning, single"]
    report(
        "until the first streamed token",
        await turns(
            {"bare create_agent": lambda: first_token(clock, bare), "single": lambda: first_token(clock, wrapped)},
            rounds,
        ),
    )


def serve(latency: float, port: Connection) -> None:
    """The endpoint, until the other end of the pipe closes."""
    with Loopback(ScriptedSampler(script, latency=latency)) as endpoint:
        port.send(endpoint.url)
        with suppress(EOFError):
            port.recv()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="steps of each")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds the endpoint takes")
    parser.add_argument("--cpu", action="store_true", help="this process's CPU time instead, for a busy machine")
    asked = parser.parse_args()
    context = get_context("spawn")
    here, there = context.Pipe()
    endpoint = context.Process(target=serve, args=(asked.latency, there))
    endpoint.start()
    there.close()
    model = ChatOpenAI(
        model="scripted", base_url=here.recv(), api_key=SecretStr("any"), max_retries=0, max_completion_tokens=100
    )
    asyncio.run(measure(model, asked.rounds, process_time if asked.cpu else perf_counter))
    here.close()
    endpoint.join()


if __name__ == "__main__":
    main()
