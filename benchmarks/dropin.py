"""What dropping it in costs: ``python -m benchmarks.dropin``.

One step of an agent against an endpoint on this machine that takes a fixed time to answer, bare and with
`AdaptiveReasoning`, `adaptive_node` and `create_adaptive_step`, in turns in one run. Prints medians with quartiles, and
the difference to the bare one of the same turn with its quartiles. Eight bare calls at once are the least that eight
votes can take: a client's own work on a call is a few milliseconds of one core. The endpoint is a process of its own.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from statistics import quantiles
from time import perf_counter
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import SecretStr

from tts_agent.nodes import AdaptiveReasoning, adaptive_node, create_adaptive_step, token_budget
from tts_agent.routing import Fixed
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

ASKED: Any = {"messages": [HumanMessage("What is 6 * 7?")]}
SINGLE, VOTE = Fixed(Single()), Fixed(SelfConsistency(FixedSize(8)))
Ask = Callable[[], Awaitable[float]]


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


async def answer(agent: Any) -> float:
    """Seconds until the whole answer is there."""
    start = perf_counter()
    await agent.ainvoke(ASKED)
    return perf_counter() - start


async def first_token(agent: Any) -> float:
    """Seconds until the first streamed token is there; the stream is read to its end."""
    start, seen = perf_counter(), None
    async for _ in agent.astream(ASKED, stream_mode="messages"):
        seen = seen or perf_counter()
    assert seen is not None
    return seen - start


async def guarded(agent: Any) -> float:
    """`answer` under a `token_budget`."""
    async with token_budget(100_000):
        return await answer(agent)


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
        line = f"  {name:28} {middle:7.1f} ms ({low:.1f} to {high:.1f})"
        if name.startswith("bare"):
            base = taken
        else:
            more = quantiles([1e3 * (time - reference) for time, reference in zip(taken, base, strict=True)], n=4)
            line += (
                f"   {more[1]:+6.1f} ms ({more[0]:+.1f} to {more[2]:+.1f})   x{middle / 1e3 / quantiles(base)[1]:.2f}"
            )
        print(line)


async def measure(model: ChatOpenAI, rounds: int) -> None:
    """All of it, on one event loop."""
    compared = agents(model)
    asks: dict[str, Ask] = {name: lambda agent=agent: answer(agent) for name, agent in compared.items()}  # type: ignore[misc]
    report("until the answer", await turns(asks, rounds))
    bare = compared["bare create_agent"]
    report(
        "a bare agent under token_budget",
        await turns({"bare create_agent": lambda: answer(bare), "token_budget": lambda: guarded(bare)}, rounds),
    )
    single = compared["AdaptiveReasoning, single"]
    report(
        "until the first streamed token",
        await turns({"bare create_agent": lambda: first_token(bare), "single": lambda: first_token(single)}, rounds),
    )


def serve(latency: float, port: Connection) -> None:
    """The endpoint, until the other end of the pipe closes."""
    with Loopback(ScriptedSampler(lambda *_: "the answer is 42", latency=latency)) as endpoint:
        port.send(endpoint.url)
        with suppress(EOFError):
            port.recv()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="steps of each")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds the endpoint takes")
    asked = parser.parse_args()
    context = get_context("spawn")
    here, there = context.Pipe()
    endpoint = context.Process(target=serve, args=(asked.latency, there))
    endpoint.start()
    there.close()
    model = ChatOpenAI(
        model="scripted", base_url=here.recv(), api_key=SecretStr("any"), max_retries=0, max_completion_tokens=100
    )
    asyncio.run(measure(model, asked.rounds))
    here.close()
    endpoint.join()


if __name__ == "__main__":
    main()
