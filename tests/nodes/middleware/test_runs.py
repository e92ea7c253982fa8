"""One ledger a run: through its steps, interrupts, resumes, other processes, and budgets that come from elsewhere."""

import asyncio
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain.agents.middleware import AgentMiddleware, HumanInTheLoopMiddleware
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.types import Command

from tests.nodes.middleware.agents import ASKED, Run, agent, client, decided, proposes, serving, turns
from tts_agent import Budget, ConfigurationError
from tts_agent.budget import SqliteStore, Steps, Tariff
from tts_agent.nodes import AdaptiveReasoning, BudgetExceededError, token_budget
from tts_agent.nodes.metering import install, is_reserved
from tts_agent.nodes.middleware.run_ledgers import RunLedgers
from tts_agent.nodes.middleware.run_state import RUN, begun, spent, update
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

THREAD: Any = {"configurable": {"thread_id": "1"}}
APPROVED: Any = Command(resume={"decisions": [{"type": "approve"}]})


def known(graph: Any) -> int:
    """Tokens that the state says the run has spent."""
    return spent(graph.get_state(THREAD).values[RUN]).tokens


def test_a_number_is_for_a_run_and_not_for_a_step(run: Run) -> None:
    sampler = ScriptedSampler(lambda *_: proposes('{"a": 6, "b": 7}', text="word " * 40))
    with Loopback(sampler) as endpoint:
        reasoning = AdaptiveReasoning(policy="single", budget=4_000, max_tokens=50, exit_behavior="error")
        graph = agent(endpoint, reasoning)
        for _ in range(2):  # and each run has its own
            already = sum(sample.usage.total for sample in sampler.samples)
            with pytest.raises(BudgetExceededError):
                run(graph, ASKED)
            assert 1_000 < sum(sample.usage.total for sample in sampler.samples) - already <= 4_000


def test_an_interrupted_run_goes_on_with_its_ledger_and_its_choice(run: Run) -> None:
    asks = HumanInTheLoopMiddleware(interrupt_on={"multiply": True})
    with serving(proposes('{"a": 6, "b": 7}'), "it is 42") as endpoint:
        reasoning = AdaptiveReasoning(policy="parallel", max_samples=3, budget=50_000)
        graph = agent(endpoint, asks, reasoning, checkpointer=InMemorySaver())
        (asking,) = run(graph, ASKED, THREAD)["__interrupt__"]
        assert asking.value["action_requests"][0]["args"] == {"a": 6, "b": 7}
        assert len(endpoint.requests) == 3
        before = known(graph)
        state = run(graph, APPROVED, THREAD)
    assert state["messages"][-1].content == "it is 42"
    assert len(endpoint.requests) == 6  # nothing was sampled again
    assert known(graph) == before + decided(state)["tokens"]


def test_the_ledger_outlives_the_process(tmp_path: Path) -> None:
    """What a run spent before its process died is charged to the ledger that another process makes for it."""

    def run(endpoint: Loopback, what: Any) -> Any:
        with SqliteSaver.from_conn_string(str(tmp_path / "checkpoints.db")) as saver:
            asks = HumanInTheLoopMiddleware(interrupt_on={"multiply": True})
            reasoning = AdaptiveReasoning(policy="single", budget=6_000, max_tokens=50, exit_behavior="end")
            graph = agent(endpoint, asks, reasoning, checkpointer=saver)  # a new process has new objects
            return graph.invoke(what, THREAD), known(graph)

    sampler = ScriptedSampler(lambda *_: proposes('{"a": 6, "b": 7}', text="word " * 40))
    with Loopback(sampler) as endpoint:
        state, mirrored = run(endpoint, ASKED)
        while "__interrupt__" in state:
            assert mirrored == sum(sample.usage.total for sample in sampler.samples)
            state, mirrored = run(endpoint, APPROVED)
    assert state["messages"][-1].content.startswith("Stopped")
    assert len(endpoint.requests) > 3
    assert sum(sample.usage.total for sample in sampler.samples) <= 6_000


def test_going_back_in_time_gives_nothing_back() -> None:
    sampler = ScriptedSampler(lambda *_: "it is 42")
    with Loopback(sampler) as endpoint:
        reasoning = AdaptiveReasoning(policy="parallel", max_samples=2, budget=50_000)
        graph = agent(endpoint, reasoning, checkpointer=InMemorySaver())
        graph.invoke(ASKED, THREAD)
        (before,) = [past for past in graph.get_state_history(THREAD) if past.next == ("model",)]
        assert spent(before.values[RUN]).tokens == 0
        state = graph.invoke(None, before.config)
        assert state["messages"][-1].content == "it is 42"
        assert known(graph) == sum(sample.usage.total for sample in sampler.samples)


def test_a_step_that_failed_is_on_the_ledger_all_the_same() -> None:
    faults = [Fault(body="{"), None]
    with serving("it is 42", faults=faults) as endpoint:
        reasoning = AdaptiveReasoning(policy="single", budget=50_000, max_tokens=1_000)
        graph = agent(endpoint, reasoning, checkpointer=InMemorySaver())
        with pytest.raises(ValueError):  # noqa: PT011 - the client's own, about the body
            graph.invoke(ASKED, THREAD)
        assert known(graph) == 0
        state = graph.invoke(None, THREAD)
    assert known(graph) > 1_000 + decided(state)["tokens"]


def test_a_run_may_bring_its_own_budget(run: Run) -> None:
    budget = Budget(50_000)
    with serving("it is 42") as endpoint:
        graph = agent(endpoint, AdaptiveReasoning(policy="parallel", max_samples=2))
        for _ in range(2):
            state = run(graph, ASKED, {"configurable": {"tts_budget": budget}})
        assert budget.spent.tokens == 2 * decided(state)["tokens"]
        with pytest.raises(BudgetExceededError):
            run(graph, ASKED, {"configurable": {"tts_budget": 5}})
        with pytest.raises(ConfigurationError, match="tts_budget"):
            run(graph, ASKED, {"configurable": {"tts_budget": "lots"}})


def test_inside_another_budget_a_number_narrows_it(run: Run) -> None:
    around = Budget(50_000)
    with serving("it is 42") as endpoint, install(around):
        state = run(agent(endpoint, AdaptiveReasoning(policy="parallel", max_samples=2, budget=20_000)), ASKED)
        assert around.spent.tokens == decided(state)["tokens"]
        around.at_least(around.limit)
        with pytest.raises(BudgetExceededError):
            run(agent(endpoint, AdaptiveReasoning(policy="single", budget=20_000)), ASKED)


@pytest.mark.parametrize("policy", ["single", "parallel"])
def test_calls_say_that_they_are_reserved(run: Run, policy: Any) -> None:
    """A guard that sees every call would otherwise count these twice."""
    around, seen = Budget(50_000), list[bool]()

    class Inner(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            seen.append(is_reserved(around))
            return handler(request)

        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            seen.append(is_reserved(around))
            return await handler(request)

    with serving("it is 42") as endpoint, install(around):
        reasoning = AdaptiveReasoning(policy=policy, max_samples=2, innermost=False)
        run(agent(endpoint, reasoning, Inner()), ASKED)
        assert seen == [True] * len(endpoint.requests)
        assert not is_reserved(around)


@pytest.mark.parametrize("mode", ["threads", "tasks"])
def test_thirty_agents_never_overspend_one_budget(mode: str) -> None:
    """Each reserves before it asks, on the one ledger."""
    sampler, budget = ScriptedSampler(lambda *_: "word " * 100), Budget(6_000)
    with Loopback(sampler) as endpoint:
        reasoning = AdaptiveReasoning(policy="parallel", max_samples=4, budget=budget, max_tokens=100)
        graph = agent(endpoint, reasoning, tools=[])

        def one(_: int) -> Any:
            try:
                return graph.invoke(ASKED)
            except BudgetExceededError as error:
                return error

        async def together() -> list[Any]:
            return await asyncio.gather(*(graph.ainvoke(ASKED) for _ in range(30)), return_exceptions=True)

        if mode == "threads":
            with ThreadPoolExecutor(30) as pool:
                results = list(pool.map(one, range(30)))
        else:
            results = asyncio.run(together())
    assert any(isinstance(result, dict) for result in results)
    assert all(isinstance(result, dict | BudgetExceededError) for result in results)
    assert budget.spent.tokens == sum(sample.usage.total for sample in sampler.samples) <= 6_000
    assert (budget.held.tokens, budget.overruns) == (0, 0)


async def test_naive_counters_in_the_state_race() -> None:
    """For comparison: check, then spend, then count."""
    total = 0

    class Naive(AgentMiddleware[Any, Any, Any]):
        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            nonlocal total
            if total >= 1_000:
                raise BudgetExceededError("spent")
            response = await handler(request)
            total += response.result[0].usage_metadata["total_tokens"]
            return response

    with serving("word " * 100) as endpoint:
        graph = agent(endpoint, Naive(), tools=[])
        await asyncio.gather(*(graph.ainvoke(ASKED) for _ in range(30)), return_exceptions=True)
    assert total > 2_000


async def test_a_cancelled_step_is_charged() -> None:
    """A cancelled call tells no callback that it ended, and may be billed."""
    budget = Budget(50_000)
    with serving("it is 42", faults=[Fault(delay=60.0)] * 3) as endpoint:
        reasoning = AdaptiveReasoning(policy="parallel", max_samples=3, budget=budget, max_tokens=100)
        task = asyncio.create_task(agent(endpoint, reasoning).ainvoke(ASKED))
        while len(endpoint.requests) < 3:  # noqa: ASYNC110 - nothing tells when a request arrives
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert budget.held.tokens == 0
    assert budget.spent.tokens > 3 * 100


@pytest.mark.parametrize("policy", ["single", "parallel"])
def test_the_guard_counts_what_tools_ask_and_nothing_twice(run: Run, policy: Any) -> None:
    """The middleware sees the agent's own calls, `token_budget` every other one."""
    sampler = ScriptedSampler(turns(proposes('{"question": "6*7"}', "ask"), "it is 42"))
    with Loopback(sampler) as endpoint:
        model = client(endpoint, max_tokens=50, max_retries=0)

        @tool
        def ask(question: str) -> str:
            """Ask a model."""
            return model.invoke([ToolMessage("", tool_call_id="0"), HumanMessage(question)]).text

        graph = agent(endpoint, AdaptiveReasoning(policy=policy, max_samples=2), tools=[ask])
        with token_budget(50_000) as budget:
            state = run(graph, ASKED)
    assert state["messages"][-1].content == "it is 42"
    assert len(endpoint.requests) == (3 if policy == "single" else 5)
    assert budget.spent.tokens == sum(sample.usage.total for sample in sampler.samples)
    assert budget.held.tokens == 0


def test_the_reserve_of_the_budget_around_pays_for_the_last_answer(run: Run) -> None:
    sampler = ScriptedSampler(
        lambda request, _: proposes('{"a": 6, "b": 7}', text="word " * 40) if request.tools else "so far 42"
    )
    with Loopback(sampler) as endpoint, token_budget(8_000, reserve_final=4_000) as budget:
        state = run(agent(endpoint, AdaptiveReasoning(policy="single", max_tokens=50)), ASKED)
    assert state["messages"][-1].content == "so far 42"
    assert budget.spent.tokens == sum(sample.usage.total for sample in sampler.samples) <= 8_000


def test_a_ledger_that_processes_share(run: Run, tmp_path: Path) -> None:
    stores = [SqliteStore(tmp_path / "ledger.db", key="task") for _ in range(2)]
    ours, theirs = (Budget(50_000, store=store) for store in stores)
    with serving(proposes('{"a": 6, "b": 7}'), "it is 42") as endpoint:
        reasoning = AdaptiveReasoning(policy="parallel", max_samples=2, budget=ours)
        state = run(agent(endpoint, reasoning), ASKED)
    spent = sum(decided(state, turn)["tokens"] for turn in (1, 3))
    assert theirs.spent.tokens == ours.spent.tokens == spent
    assert theirs.held.tokens == 0


def test_a_budget_in_money_caps_replies_too(run: Run) -> None:
    budget = Budget(money=0.01, tariffs={"scripted": Tariff(input=1.0, output=2.0)})
    with serving("it is 42") as endpoint:
        state = run(agent(endpoint, AdaptiveReasoning(policy="single", budget=budget)), ASKED)
    assert endpoint.requests[0]["max_completion_tokens"] <= 4096
    assert budget.spent.money == 5 * 1_000 + 3 * 2_000
    assert decided(state)["tokens"] == 8


def test_a_run_under_other_budgets_than_before_has_a_new_ledger() -> None:
    ledgers, run, runtime = RunLedgers(1_000), begun(), None
    first = ledgers.of(run["id"], runtime)
    assert ledgers.of(run["id"], runtime) is first
    around = Budget(5_000)
    with install(around):
        second = ledgers.of(run["id"], runtime)
        assert second is not first
        assert second.budget.inside(around)
        later = update(run, Budget(10).limit.least(around.limit), Steps())[RUN]
        assert second.funds(spent(later)).left == 990


def test_hours_of_runs_are_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_agent.nodes.middleware.run_ledgers.MOST_RUNS", 3)
    ledgers = RunLedgers(1_000)
    first = ledgers.of("0", None)
    for number in range(1, 4):
        ledgers.of(str(number), None)
    assert ledgers.of("0", None) is not first


def test_a_thread_that_began_without_the_middleware_can_go_on_with_it() -> None:
    saver = InMemorySaver()
    asks = HumanInTheLoopMiddleware(interrupt_on={"multiply": True})
    with serving(proposes('{"a": 6, "b": 7}'), "it is 42") as endpoint:
        agent(endpoint, asks, checkpointer=saver).invoke(ASKED, THREAD)
        graph = agent(endpoint, asks, AdaptiveReasoning(policy="single", budget=50_000), checkpointer=saver)
        state = graph.invoke(APPROVED, THREAD)
        assert state["messages"][-1].content == "it is 42"
        assert known(graph) == decided(state)["tokens"]
        graph.invoke({"messages": [HumanMessage("Say it in words.")]}, THREAD)


@pytest.mark.slow
def test_after_a_kill_in_the_middle_the_mirror_knows_every_finished_step(tmp_path: Path) -> None:
    """`kill -9` while samples are in flight; what they cost is for a stored budget to know."""
    code = """
        import os, sys
        from langgraph.checkpoint.sqlite import SqliteSaver
        from tests.nodes.middleware.agents import ASKED, agent
        from tts_agent.nodes import AdaptiveReasoning

        class Endpoint:
            url = sys.argv[1]

        with SqliteSaver.from_conn_string(sys.argv[2]) as saver:
            reasoning = AdaptiveReasoning(policy="parallel", max_samples=3, budget=50_000)
            graph = agent(Endpoint(), reasoning, checkpointer=saver)
            graph.invoke(None if sys.argv[3:] else ASKED, {"configurable": {"thread_id": "1"}})
    """
    arguments = [sys.executable, "-c", textwrap.dedent(code)]
    faults = [None] * 3 + [Fault(delay=60.0)] * 3
    with serving(proposes('{"a": 6, "b": 7}'), "it is 42", faults=faults) as endpoint:
        with subprocess.Popen([*arguments, endpoint.url, str(tmp_path / "db")]) as process:
            while len(endpoint.requests) < 6:
                assert process.poll() is None
            process.kill()
        subprocess.run([*arguments, endpoint.url, str(tmp_path / "db"), "resume"], check=True)
        with SqliteSaver.from_conn_string(str(tmp_path / "db")) as saver:
            graph = agent(endpoint, AdaptiveReasoning(), checkpointer=saver)
            state = graph.get_state(THREAD).values
    assert state["messages"][-1].content == "it is 42"
    steps = [message for message in state["messages"] if message.type == "ai"]
    assert spent(state[RUN]).tokens == 3 * sum(message.usage_metadata["total_tokens"] for message in steps)
    assert len(endpoint.requests) == 9
