"""Long jobs on several processes, with lines that say what runs and what is done: a person waits for minutes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from time import perf_counter, process_time
from typing import Any

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
"""Variables that numeric libraries read when they start: one thread each, where processes share the cores."""

Told = Callable[[str], None]


def silent(line: str) -> None:
    """Tells nobody."""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do. With several processes `work` travels: a function of a module, or a partial of one."""

    name: str
    work: Callable[[], Any]
    weight: float = 0.0
    """The heaviest start first, so that none is left for the end."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a job."""

    name: str
    result: Any
    seconds: float
    """Of processor time."""


def run_jobs(jobs: Sequence[Job], processes: int = 1, told: Told = silent) -> list[Done]:
    """Do all jobs; what came of them in the order of `jobs`, whatever order they ended in.

    Args:
        processes: 1 does them here, one after the other.
        told: gets a line when a job starts and when it ends.

    Raises:
        Exception: what the first job that failed raised; jobs that have not started are dropped.
    """
    start = perf_counter()
    order = sorted(range(len(jobs)), key=lambda index: -jobs[index].weight)
    done: dict[int, Done] = {}

    def ended(index: int, outcome: tuple[Any, float]) -> None:
        done[index] = Done(jobs[index].name, *outcome)
        told(
            f"[{perf_counter() - start:4.0f} s] {len(done)} of {len(jobs)} done: {jobs[index].name} "
            f"({outcome[1]:.1f} s of processor time)"
        )

    def begins(index: int) -> None:
        told(f"[{perf_counter() - start:4.0f} s] running: {jobs[index].name}")

    if processes == 1 or len(jobs) < 2:
        for index in order:
            begins(index)
            ended(index, _timed(jobs[index].work))
        return [done[index] for index in range(len(jobs))]
    workers = min(processes, len(jobs))
    with _one_thread_each(), ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting, running = list(order), dict[Future[tuple[Any, float]], int]()
        while waiting or running:
            while waiting and len(running) < workers:
                index = waiting.pop(0)
                begins(index)
                running[pool.submit(_timed, jobs[index].work)] = index
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                ended(running.pop(future), future.result())
    return [done[index] for index in range(len(jobs))]


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = process_time()
    result = work()
    return result, process_time() - start


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started inside have numeric libraries of one thread, unless the user said otherwise."""
    added = [name for name in THREADS if name not in os.environ]
    os.environ.update(dict.fromkeys(added, "1"))
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]
