"""A crowd of agents for tests of the cap: kinds of agents, sub-agents, failures, timeouts and cancellations at once."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from typing import Any

from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import SecretStr

from tts_agent.budget import Budget, RedisStore, SqliteStore, Store
from tts_agent.messages import ToolCall
from tts_agent.nodes import AdaptiveReasoning, adaptive_node, create_adaptive_step, token_budget
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency
from tts_agent.testing.loopback import Fault
from tts_agent.testing.scripted import ScriptedSampler

VOTE = Fixed(SelfConsistency(FixedSize(4)))
ASKED = {"messages": [HumanMessage("What is 6 * 7?")]}
SAID = "the answer is 42"


# --------------------------------------------------------------------------------------------------------- the endpoint


def script(request: SampleRequest, index: int) -> str | Sample:
    """Whoever may delegate does so once; everybody else answers."""
    tools = {offer["function"]["name"] for offer in request.tools}
    if "delegate" in tools and request.messages[-1].role != "tool":
        return Sample("", "tool_calls", (ToolCall("delegate", '{"question": "6 * 7"}', f"call_{index}"),))
    return SAID


def faults(seed: int) -> Iterator[Fault | None]:
    """Every fifth call goes wrong, one way or another."""
    wrong = [Fault(status=429, retry_after="0"), Fault(status=500), Fault(drop=True), Fault(null_usage=True)]
    luck = random.Random(seed)
    while True:
        yield luck.choice(wrong) if luck.random() < 0.2 else None


def billed(behind: ScriptedSampler) -> int:
    """The endpoint's own bill: what it gave out, whether or not anybody was still there to receive it."""
    return sum(sample.usage.total for sample in behind.samples)


# ------------------------------------------------------------------------------------------------------------ the crowd


def models(url: str) -> tuple[ChatOpenAI, ChatOpenAI]:
    """A client, and one so impatient that each of its calls times out."""
    settings: dict[str, Any] = {"model": "scripted", "base_url": url, "api_key": SecretStr("sk-secret")}
    settings |= {"max_tokens": 20, "max_retries": 0, "default_headers": {"Connection": "close"}}
    return ChatOpenAI(**settings), ChatOpenAI(**settings, timeout=0.001)


def kinds(model: ChatOpenAI, impatient: ChatOpenAI) -> list[Any]:
    """One agent of each kind, as people have them. All but the last two spend more than a call a step."""
    sub_agent = create_agent(model, [], middleware=[AdaptiveReasoning(policy=VOTE)])

    @tool
    def delegate(question: str) -> str:
        """Ask a sub-agent."""
        with token_budget(400):
            return str(sub_agent.invoke({"messages": [HumanMessage(question)]})["messages"][-1].content)

    @tool("delegate")
    async def adelegate(question: str) -> str:
        """Ask a sub-agent."""
        with token_budget(400):
            state = await sub_agent.ainvoke({"messages": [HumanMessage(question)]})
        return str(state["messages"][-1].content)

    delegate.coroutine = adelegate.coroutine  # type: ignore[attr-defined]
    node = adaptive_node(model, policy=VOTE)
    return [
        create_agent(model, [delegate], middleware=[AdaptiveReasoning(policy=VOTE)]),
        create_agent(model, [delegate]),
        StateGraph(MessagesState).add_node("agent", node).add_edge(START, "agent").compile(),
        create_adaptive_step(model, policy=VOTE).compile(),
        create_agent(model, []),
        create_agent(impatient, []),
    ]


async def crowd(url: str, agents: int, callbacks: Sequence[BaseCallbackHandler] = ()) -> list[Any]:
    """So many agents at once in one event loop, every tenth cancelled on the way; how each of them ended."""
    built, luck = kinds(*models(url)), random.Random(0)
    config: RunnableConfig = {"callbacks": list(callbacks)}

    async def ask(agent: Any) -> Any:
        return await agent.ainvoke(ASKED, config)

    async def cancel(task: asyncio.Task[Any]) -> None:
        await asyncio.sleep(luck.random() * 0.5)
        task.cancel()

    tasks = [asyncio.create_task(ask(built[number % len(built)])) for number in range(agents)]
    cancelled = [cancel(task) for task in tasks[::10]]
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.gather(*cancelled)
    return ends


# ------------------------------------------------------------------------------------------- one of several processes


@dataclass(frozen=True)
class Share:
    """What a process does: its part of the crowd, twice, on two ledgers that it shares with the others."""

    kind: str
    """Of store: "sqlite" or "redis"."""
    where: str
    """Path or URL."""
    cap: int
    agents: int
    counted: str
    """URL of the endpoint that is called under a counter."""
    reserved: str
    """URL of the endpoint that is called under a budget."""

    def store(self, key: str) -> Store:
        make = SqliteStore if self.kind == "sqlite" else RedisStore
        return make(self.where, key, lease_seconds=2.0)

    def budget(self) -> Budget:
        return Budget(self.cap, store=self.store("budget"))


class SharedCount(BaseCallbackHandler):
    """The obvious limit of several processes: read before a call, and added to (atomically) after the response."""

    raise_error = True

    def __init__(self, store: Store, cap: int) -> None:
        self.store, self.cap = store, cap

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        if int(self.store.read(["spent"])[0] or 0) >= self.cap:
            raise RuntimeError("the limit is reached")

    def on_llm_end(self, response: Any, **_: Any) -> None:
        usage = response.generations[0][0].message.usage_metadata or {}
        while True:
            before = self.store.read(["spent"])
            if self.store.swap(["spent"], before, [str(int(before[0] or 0) + usage.get("total_tokens", 0))]):
                return


class Killed(BaseCallbackHandler):
    """`kill -9` as this process makes its n-th call, with others in flight."""

    def __init__(self, call: int) -> None:
        self._left = call

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        self._left -= 1
        if not self._left:
            os.kill(os.getpid(), signal.SIGKILL)


def take_part(share: Share, barrier: Barrier, dies: bool) -> None:
    """In a process of its own. All begin together, so that none finds the ledger used up."""
    counter = SharedCount(share.store("counter"), share.cap)

    async def reserved() -> None:
        async with token_budget(share.budget()):
            await crowd(share.reserved, share.agents, [Killed(10)] if dies else [])

    barrier.wait(120)
    asyncio.run(crowd(share.counted, share.agents, [counter]))
    barrier.wait(120)
    asyncio.run(reserved())
