"""Nothing stays behind: after cancellations, failures and a killed process the next request is answered."""

import asyncio
import itertools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from pydantic import SecretStr

from tests.nodes.models import KEY, openai_model
from tts_agent import Budget
from tts_agent.budget import Amount, SqliteStore
from tts_agent.nodes import AdaptiveReasoning, BudgetExceededError, adaptive_node, create_adaptive_step, token_budget
from tts_agent.routing import Fixed
from tts_agent.sampling import SampleRequest
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

ASKED = {"messages": [HumanMessage("6*7?")]}
CANCELLED, FAILED = 200, 100


def vote(n: int) -> Fixed:
    return Fixed(SelfConsistency(FixedSize(n)))


def node(model: Any, budget: Budget) -> Any:
    one = adaptive_node(model, policy=vote(1), budget=budget, max_tokens=20, max_retries=0)
    return StateGraph(MessagesState).add_node("agent", one).add_edge(START, "agent").compile()


def middleware(model: Any, budget: Budget) -> Any:
    adaptive = AdaptiveReasoning(policy=vote(1), budget=budget, max_tokens=20, max_retries=0)
    return create_agent(model, [], middleware=[adaptive])


class Endpoint(Loopback):
    """While `failing`, it fails every request, half of them by hanging up."""

    def __init__(self) -> None:
        self.failing = False
        super().__init__(ScriptedSampler(lambda *_: "42", latency=0.1), faults=self._wrong())

    def _wrong(self) -> Iterator[Fault | None]:
        for number in itertools.count():
            yield (Fault(status=500) if number % 2 else Fault(drop=True)) if self.failing else None


async def answered_in_loop(graph: Any) -> None:
    """The next request, asynchronous, and synchronous inside the running loop."""
    for state in (await graph.ainvoke(ASKED), graph.invoke(ASKED)):
        assert state["messages"][-1].content == "42"


async def in_waves(graph: Any, serving: Loopback, times: int, together: int, *, cancel: bool) -> list[Any]:
    """Ask `times` times, so many at once. Cancelled are those whose request has arrived."""
    ends: list[Any] = []
    while len(ends) < times:
        seen = len(serving.requests)
        tasks = [asyncio.create_task(graph.ainvoke(ASKED)) for _ in range(together)]
        while cancel and len(serving.requests) < seen + together:  # noqa: ASYNC110 - they arrive in other threads
            await asyncio.sleep(0.002)
        for task in tasks[: together if cancel else 0]:
            task.cancel()
        ends += await asyncio.gather(*tasks, return_exceptions=True)
    return ends


@pytest.mark.parametrize("together", [pytest.param(4, marks=pytest.mark.slow), 32])
@pytest.mark.parametrize("agent", [node, middleware], ids=lambda agent: agent.__name__)
def test_after_many_cancellations_the_next_request_is_answered(agent: Callable[..., Any], together: int) -> None:
    budget = Budget(1_000_000)

    async def cancel_many() -> None:
        ends = await in_waves(graph, serving, CANCELLED, together, cancel=True)
        assert asyncio.CancelledError in {type(end) for end in ends} <= {asyncio.CancelledError, dict}
        assert budget.held == Amount()
        await answered_in_loop(graph)

    with Endpoint() as serving:
        graph = agent(openai_model(serving, max_retries=0), budget)
        asyncio.run(cancel_many())
        assert graph.invoke(ASKED)["messages"][-1].content == "42"


@pytest.mark.parametrize("together", [pytest.param(4, marks=pytest.mark.slow), 32])
@pytest.mark.parametrize("agent", [node, middleware], ids=lambda agent: agent.__name__)
@pytest.mark.parametrize("way", ["tasks", "threads"])
def test_after_many_failures_the_next_request_is_answered(way: str, agent: Callable[..., Any], together: int) -> None:
    budget = Budget(1_000_000)

    def ask(graph: Any) -> Any:
        try:
            return graph.invoke(ASKED)
        except Exception as error:  # noqa: BLE001 - counted below
            return error

    async def fail_many() -> None:
        if way == "tasks":
            ends = await in_waves(graph, serving, FAILED, together, cancel=False)
        else:
            with ThreadPoolExecutor(together) as threads:
                ends = list(threads.map(ask, [graph] * FAILED))
        serving.failing = False
        assert all(isinstance(end, Exception) for end in ends)
        assert budget.held == Amount()
        await answered_in_loop(graph)

    with Endpoint() as serving:
        serving.failing = True
        graph = agent(openai_model(serving, max_retries=0), budget)
        asyncio.run(fail_many())
        assert graph.invoke(ASKED)["messages"][-1].content == "42"


async def test_those_who_wait_for_budget_may_be_cancelled_without_being_missed() -> None:
    """One call fits at a time; a waiter that leaves wakes the next."""
    with Endpoint() as serving:
        graph = node(openai_model(serving, max_retries=0), Budget(450))
        tasks = [asyncio.create_task(graph.ainvoke(ASKED)) for _ in range(12)]
        await asyncio.sleep(0.02)
        for task in tasks[1::2]:
            task.cancel()
        ends = await asyncio.gather(*tasks[::2], return_exceptions=True)
        assert any(isinstance(end, dict) for end in ends)
        await asyncio.gather(*tasks[1::2], return_exceptions=True)


@pytest.mark.parametrize("agent", [node, middleware], ids=lambda agent: agent.__name__)
def test_one_agent_serves_event_loops_one_after_the_other_and_at_once(agent: Callable[..., Any]) -> None:
    """Its budget has room for a few calls at a time: those who wait are woken from other loops."""
    budget = CheckedBudget(2_000)

    async def ask_twice() -> None:
        for state in await asyncio.gather(graph.ainvoke(ASKED), graph.ainvoke(ASKED)):
            assert state["messages"][-1].content == "42"

    with Endpoint() as serving:
        graph = agent(openai_model(serving, max_retries=0), budget)
        for _ in range(2):
            asyncio.run(ask_twice())
        with ThreadPoolExecutor(4) as threads:
            for running in [threads.submit(lambda: asyncio.run(ask_twice())) for _ in range(4)]:
                running.result(timeout=60)
    assert (budget.spent.calls, budget.held) == (12, Amount())


def test_event_loops_at_once_share_one_token_budget() -> None:
    budget = CheckedBudget(800)

    async def ask() -> None:
        async with token_budget(budget):
            replies = await asyncio.gather(*(model.ainvoke("6*7?") for _ in range(4)))
        assert {reply.content for reply in replies} == {"42"}

    with Endpoint() as serving:
        model = openai_model(serving, max_tokens=20, max_retries=0)
        with ThreadPoolExecutor(4) as threads:
            for running in [threads.submit(lambda: asyncio.run(ask())) for _ in range(4)]:
                running.result(timeout=60)
    assert (budget.spent.calls, budget.held) == (16, Amount())


# ---------------------------------------------------------------------------------------------------- the time is up


async def test_a_timeout_of_the_budgets_seconds_cuts_off_what_is_in_flight_and_charges_it() -> None:
    """The guard itself grants nothing after its time, and lets calls in flight come back."""
    with Endpoint() as serving:
        model = openai_model(serving, max_tokens=20, max_retries=0)
        async with token_budget(800, seconds=0.05) as budget:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(budget.seconds_left):
                    await model.ainvoke("6*7?")
            with pytest.raises(BudgetExceededError, match="time is up"):
                await model.ainvoke("6*7?")
        assert (budget.held, budget.spent.calls) == (Amount(), 1)
        assert budget.spent.tokens > 20
        assert (await model.ainvoke("6*7?")).text == "42"


# --------------------------------------------------------------------------------------------- kill -9, and go on


def shared(folder: str) -> Budget:
    return Budget(20_000, store=SqliteStore(Path(folder) / "ledger.db", "task", lease_seconds=1.0))


def fan_out(url: str, folder: str, *, resume: bool) -> None:
    """A run of a graph that draws eight samples at once, under a checkpointer; in a process of its own."""

    model = ChatOpenAI(model="scripted", base_url=url, api_key=SecretStr(KEY), max_retries=0)
    step = create_adaptive_step(model, policy=vote(8), budget=shared(folder), max_tokens=20)
    with SqliteSaver.from_conn_string(str(Path(folder) / "checkpoints.db")) as saver:
        graph: Any = step.compile(checkpointer=saver)
        thread: Any = {"configurable": {"thread_id": "1"}, "max_concurrency": 8}
        state = graph.invoke(None if resume else ASKED, thread, durability="sync")
        Path(folder, "answer").write_text(state["messages"][-1].content)


@pytest.mark.slow
def test_spend_known_is_never_below_spend_billed_after_a_kill_in_the_middle_of_a_fan_out(tmp_path: Path) -> None:
    calls = threading.Semaphore(0)
    killed = threading.Event()

    def script(_: SampleRequest, index: int) -> str:
        calls.release()
        if len(serving.requests) > 3:
            killed.wait(60)  # the first three come back, the others are in flight at the kill
        return "42"

    context = multiprocessing.get_context("spawn")
    behind = ScriptedSampler(script)
    with Loopback(behind) as serving:
        process = context.Process(target=fan_out, args=(serving.url, str(tmp_path)), kwargs={"resume": False})
        process.start()
        for _ in range(4):
            assert calls.acquire(timeout=60)
        assert process.pid
        os.kill(process.pid, signal.SIGKILL)
        process.join()
        killed.set()
        fan_out(serving.url, str(tmp_path), resume=True)
        budget = shared(str(tmp_path))
        while budget.held != Amount():
            time.sleep(0.05)  # until the lease of the killed process lapses
    assert Path(tmp_path, "answer").read_text() == "42"
    billed = sum(sample.usage.total for sample in behind.samples)
    assert billed <= budget.spent.tokens <= 20_000
    assert len(serving.requests) < 16, "samples that had come back were drawn again"
