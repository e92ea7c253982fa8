"""Four processes on one ledger, one of which is killed: nothing is spent over the cap, and nothing stays held."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.budget.traffic import Traffic, check_then_add, reserve_and_settle, sub_agent
from tts_agent.budget import Amount

LIMIT = 6000


@pytest.fixture(params=["sqlite", "redis"])
def traffic(request: pytest.FixtureRequest, quick_folder: Path, tmp_path: Path) -> Traffic:
    sqlite = request.param == "sqlite"
    where = str(quick_folder / "processes.db") if sqlite else request.getfixturevalue("redis").url
    return Traffic(request.param, where, uuid4().hex, LIMIT, str(tmp_path / "bills.txt"))


def run(work: Callable[..., None], *arguments: tuple[Any, ...]) -> list[int | None]:
    """A process for each, which meet at a barrier when they are there; returns their exit codes."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(len(arguments))
    processes = [context.Process(target=work, args=(barrier, *each)) for each in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def billed(traffic: Traffic) -> int:
    return sum(int(line) for line in Path(traffic.bills).read_text().split())


def test_processes_that_share_a_ledger_never_overspend_and_the_killed_ones_calls_are_charged(traffic: Traffic) -> None:
    budget = traffic.budget()
    codes = run(reserve_and_settle, *[(traffic, seed, seed == 0) for seed in range(4)])
    assert codes == [-signal.SIGKILL, 0, 0, 0]
    while budget.held != Amount():
        time.sleep(0.05)  # until the lease of the killed process lapses
    assert billed(traffic) <= budget.spent.tokens <= LIMIT
    assert budget.overruns == 0
    assert budget.spent.tokens > LIMIT // 2, "they stopped long before the cap"


def test_eight_sub_agents_share_a_ledger_and_each_gets_its_minimum(traffic: Traffic) -> None:
    """None waits for another's minimum, so all come to their end; what the first to end left, the others spent."""
    assert run(sub_agent, *[(traffic, number) for number in range(8)]) == [0] * 8
    spent = [int(line) for line in Path(traffic.bills).read_text().split()]
    assert len(spent) == 8
    assert min(spent) > LIMIT // 16 - 50
    budget = traffic.budget()
    assert budget.spent.tokens == sum(spent) <= LIMIT
    assert budget.view().remaining.tokens == LIMIT - sum(spent) < 8 * 50


def test_a_counter_that_is_read_before_and_raised_after_a_call_passes_its_cap(traffic: Traffic) -> None:
    assert run(check_then_add, *[(traffic, seed) for seed in range(4)]) == [0, 0, 0, 0]
    assert billed(traffic) > LIMIT
