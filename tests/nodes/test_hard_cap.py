"""Everything at once on one ledger: kinds of agents, sub-agents, failures, cancellations. The bill stays below the cap.

The bill is the endpoint's own: what it gave out, whether or not anybody was still there to receive it.
"""

import asyncio
import logging
import operator
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from langchain.agents import create_agent
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send

from tests.nodes.models import openai_model
from tts_agent import Budget
from tts_agent.budget import Amount
from tts_agent.messages import ToolCall
from tts_agent.nodes import AdaptiveReasoning, adaptive_node, create_adaptive_step, token_budget
from tts_agent.routing import Fixed
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

LOG = logging.getLogger(__name__)
"""Says how much was billed: `make tests PYTEST_ARGS='-k hard_cap --log-cli-level=info'`."""
VOTE = Fixed(SelfConsistency(FixedSize(4)))
ASKED = {"messages": [HumanMessage("What is 6 * 7?")]}
SAID = "the answer is 42"


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


@dataclass
class Traffic:
    """What agents met, and what came of it."""

    budget: Budget
    ends: list[Any]
    billed: int


def models(endpoint: Loopback) -> tuple[ChatOpenAI, ChatOpenAI]:
    settings: dict[str, Any] = {"max_tokens": 20, "max_retries": 0}
    return openai_model(endpoint, **settings), openai_model(endpoint, **settings, timeout=0.001)


async def in_tasks(agents: int, cap: int) -> Traffic:
    """All in one event loop; every tenth is cancelled on the way."""
    behind = ScriptedSampler(script, latency=0.005)
    luck = random.Random(0)

    async def ask(agent: Any) -> Any:
        return await agent.ainvoke(ASKED)

    async def cancel(task: asyncio.Task[Any]) -> None:
        await asyncio.sleep(luck.random() * 0.5)
        task.cancel()

    with Loopback(behind, faults=faults(1)) as endpoint:
        built = kinds(*models(endpoint))
        async with token_budget(CheckedBudget(cap)) as budget:
            tasks = [asyncio.create_task(ask(built[number % len(built)])) for number in range(agents)]
            cancelled = [cancel(task) for task in tasks[::10]]
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.gather(*cancelled)
    return Traffic(budget, ends, _billed(behind))


def in_threads(agents: int, cap: int) -> Traffic:
    """All synchronous, thirty at once."""
    behind = ScriptedSampler(script, latency=0.005)

    def ask(agent: Any) -> Any:
        try:
            return agent.invoke(ASKED)
        except Exception as error:  # noqa: BLE001 - looked at below
            return error

    with Loopback(behind, faults=faults(2)) as endpoint:
        built = kinds(*models(endpoint))
        with token_budget(CheckedBudget(cap)) as budget, ThreadPoolExecutor(30) as threads:
            running = [threads.submit(copy_context().run, ask, built[number % len(built)]) for number in range(agents)]
            ends = [future.result() for future in running]
    return Traffic(budget, ends, _billed(behind))


def _billed(behind: ScriptedSampler) -> int:
    return sum(sample.usage.total for sample in behind.samples)


MANY = [30, pytest.param(200, marks=pytest.mark.slow)]


@pytest.mark.parametrize("agents", MANY)
@pytest.mark.parametrize("way", ["tasks", "threads"])
def test_nothing_is_billed_over_the_cap(way: str, agents: int) -> None:
    cap = 40 * agents
    traffic = asyncio.run(in_tasks(agents, cap)) if way == "tasks" else in_threads(agents, cap)
    LOG.info(
        "of a cap of %d, %d agents were billed %d and charged %s", cap, agents, traffic.billed, traffic.budget.spent
    )
    assert traffic.billed <= traffic.budget.spent.tokens <= cap
    assert traffic.budget.held == Amount()
    assert traffic.budget.overruns == 0
    answers = [end["messages"][-1].content for end in traffic.ends if isinstance(end, dict)]
    failures = [end for end in traffic.ends if not isinstance(end, dict)]
    assert answers, "nobody was answered"
    assert failures, "the cap, the failures and the cancellations were never met"
    assert set(answers) == {SAID}, "an error became an answer"


# -------------------------------------------------------------------- what other counters let through, on the same


class CountAfter(BaseCallbackHandler):
    """A limit as many have it: looked at before a call, added to after the response."""

    raise_error = True

    def __init__(self, cap: int) -> None:
        self.cap, self.spent = cap, 0

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        if self.spent >= self.cap:
            raise RuntimeError("the limit is reached")

    def on_llm_end(self, response: Any, **_: Any) -> None:
        self.spent += response.generations[0][0].message.usage_metadata["total_tokens"]


class Counted(MessagesState):
    spent: Annotated[int, operator.add]


@pytest.mark.parametrize("agents", MANY)
async def test_counters_that_reserve_nothing_overshoot(agents: int) -> None:
    cap = 300

    async def fan_out(model: ChatOpenAI) -> None:
        def branches(state: Counted) -> list[Send]:
            return [Send("branch", state)] * agents

        async def branch(state: Counted) -> dict[str, Any]:
            if state["spent"] >= cap:
                return {}
            reply = await model.ainvoke("6*7?")
            assert reply.usage_metadata
            return {"spent": reply.usage_metadata["total_tokens"]}

        builder = StateGraph(Counted).add_node("branch", branch).add_conditional_edges(START, branches, ["branch"])
        await builder.compile().ainvoke({"messages": [], "spent": 0})

    async def counted(model: ChatOpenAI) -> None:
        counter: Any = {"callbacks": [CountAfter(cap)]}
        await asyncio.gather(*(model.ainvoke("6*7?", counter) for _ in range(agents)), return_exceptions=True)

    async def reserved(model: ChatOpenAI) -> None:
        async with token_budget(cap):
            await asyncio.gather(*(model.ainvoke("6*7?") for _ in range(agents)), return_exceptions=True)

    billed: dict[str, int] = {}
    for traffic in (fan_out, counted, reserved):
        behind = ScriptedSampler(lambda *_: "word " * 19, latency=0.2)  # 20 tokens a call
        with Loopback(behind) as endpoint:
            await traffic(models(endpoint)[0])
        billed[traffic.__name__] = _billed(behind)
    LOG.info("of a cap of %d, %d agents were billed %s", cap, agents, billed)
    assert 0 < billed["reserved"] <= cap
    assert billed["fan_out"] == 20 * agents > cap
    assert billed["counted"] > cap
