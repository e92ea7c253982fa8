"""Everything at once on one ledger: kinds of agents, sub-agents, failures, cancellations. The bill stays below the cap.

The bill is the endpoint's own: what it gave out, whether or not anybody was still there to receive it.
"""

import asyncio
import logging
import multiprocessing
import operator
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Send

from tests.budget.servers import redis_server
from tests.nodes.crowd import ASKED, SAID, Share, billed, crowd, faults, kinds, models, script, take_part
from tts_agent import Budget
from tts_agent.budget import Amount
from tts_agent.nodes import token_budget
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

LOG = logging.getLogger(__name__)
"""Says how much was billed: `make tests PYTEST_ARGS='-k hard_cap --log-cli-level=info'`."""

MANY = [30, pytest.param(200, marks=pytest.mark.slow)]


@dataclass
class Traffic:
    """What agents met, and what came of it."""

    budget: Budget
    ends: list[Any]
    billed: int


async def in_tasks(agents: int, cap: int) -> Traffic:
    """All in one event loop; every tenth is cancelled on the way."""
    behind = ScriptedSampler(script, latency=0.005)
    with Loopback(behind, faults=faults(1)) as endpoint:
        async with token_budget(CheckedBudget(cap)) as budget:
            ends = await crowd(endpoint.url, agents)
    return Traffic(budget, ends, billed(behind))


def in_threads(agents: int, cap: int) -> Traffic:
    """All synchronous, thirty at once."""
    behind = ScriptedSampler(script, latency=0.005)

    def ask(agent: Any) -> Any:
        try:
            return agent.invoke(ASKED)
        except Exception as error:  # noqa: BLE001 - looked at below
            return error

    with Loopback(behind, faults=faults(2)) as endpoint:
        built = kinds(*models(endpoint.url))
        with token_budget(CheckedBudget(cap)) as budget, ThreadPoolExecutor(30) as threads:
            running = [threads.submit(copy_context().run, ask, built[number % len(built)]) for number in range(agents)]
            ends = [future.result() for future in running]
    return Traffic(budget, ends, billed(behind))


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


# --------------------------------------------------------------- what other counters let through, on the same traffic


class CountAfter(BaseCallbackHandler):
    """A limit as many have it: looked at before a call, added to after the response."""

    raise_error = True

    def __init__(self, cap: int) -> None:
        self.cap, self.spent = cap, 0

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        if self.spent >= self.cap:
            raise RuntimeError("the limit is reached")

    def on_llm_end(self, response: Any, **_: Any) -> None:
        usage = response.generations[0][0].message.usage_metadata or {}
        self.spent += usage.get("total_tokens", 0)


class Counted(MessagesState):
    number: int
    spent: Annotated[int, operator.add]


async def counted_in_state(url: str, agents: int, cap: int) -> None:
    """A reducer channel: branches of one superstep all see what was spent before it."""
    built = kinds(*models(url))

    def branches(state: Counted) -> list[Send]:
        return [Send("branch", {**state, "number": number}) for number in range(agents)]

    async def branch(state: Counted) -> dict[str, Any]:
        if state["spent"] >= cap:
            return {}
        try:
            said = (await built[state["number"] % len(built)].ainvoke(ASKED))["messages"]
        except Exception:  # noqa: BLE001 - a branch that fails fails alone
            return {}
        usages = [message.usage_metadata for message in said if getattr(message, "usage_metadata", None)]
        return {"spent": sum(usage["total_tokens"] for usage in usages)}

    builder = StateGraph(Counted).add_node("branch", branch).add_conditional_edges(START, branches, ["branch"])
    await builder.compile().ainvoke({"messages": [], "number": 0, "spent": 0})


async def counted_after_the_response(url: str, agents: int, cap: int) -> None:
    await crowd(url, agents, [CountAfter(cap)])


async def reserved(url: str, agents: int, cap: int) -> None:
    async with token_budget(cap):
        await crowd(url, agents)


@pytest.mark.parametrize("agents", MANY)
async def test_counters_that_reserve_nothing_overshoot_on_the_same_traffic(agents: int) -> None:
    cap = 10 * agents
    bills: dict[str, int] = {}
    for limited in (counted_in_state, counted_after_the_response, reserved):
        behind = ScriptedSampler(script, latency=0.2)
        with Loopback(behind, faults=faults(3)) as endpoint:
            await limited(endpoint.url, agents, cap)
        bills[limited.__name__] = billed(behind)
    LOG.info("of a cap of %d, %d agents were billed %s", cap, agents, bills)
    assert 0 < bills["reserved"] <= cap
    assert bills["counted_after_the_response"] > cap
    assert bills["counted_in_state"] > cap


# --------------------------------------------------------------------------------------- four processes, one is killed


@pytest.fixture
def where(kind: str, tmp_path: Path) -> Iterator[str]:
    """The path or URL of a store that is shared."""
    if kind == "sqlite":
        yield str(tmp_path / "ledgers.db")
    else:
        with redis_server(tmp_path) as server:
            yield server.url


@pytest.mark.parametrize(
    ("kind", "agents"),
    [
        ("sqlite", 20),
        pytest.param("sqlite", 50, marks=pytest.mark.slow),
        pytest.param("redis", 50, marks=pytest.mark.slow),
    ],
)
def test_agents_in_four_processes_stay_below_one_cap_that_a_shared_counter_passes(
    kind: str, where: str, agents: int
) -> None:
    """First under a counter in the store; then under a budget, where one process is killed with calls in flight."""
    cap = 30 * 4 * agents
    counted, granted = (ScriptedSampler(script, latency=0.2) for _ in range(2))
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(4)
    with Loopback(counted, faults=faults(4)) as first, Loopback(granted, faults=faults(5)) as second:
        share = Share(kind, where, cap=cap, agents=agents, counted=first.url, reserved=second.url)
        processes = [context.Process(target=take_part, args=(share, barrier, number == 0)) for number in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        budget = share.budget()
        while budget.held != Amount():
            time.sleep(0.05)  # until the lease of the killed process lapses
    LOG.info(
        "of a cap of %d, 4 processes of %d agents were billed %d under a counter and %d under a budget, charged %s",
        *(cap, agents, billed(counted), billed(granted), budget.spent),
    )
    assert [process.exitcode for process in processes] == [-signal.SIGKILL, 0, 0, 0]
    assert 0 < billed(granted) <= budget.spent.tokens <= cap
    assert budget.overruns == 0
    assert billed(counted) > cap
