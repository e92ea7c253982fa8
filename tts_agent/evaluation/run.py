"""One run of the lab: banks in, report out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from tts_agent.evaluation.banks import Bank, BankError, find_bank, load_bank
from tts_agent.evaluation.contenders import Contender
from tts_agent.evaluation.lab import BankResult, check_votes, evaluate
from tts_agent.evaluation.lineup import ablations, lineup
from tts_agent.evaluation.orderings import DEFAULT_ORDERINGS
from tts_agent.evaluation.report import Report
from tts_agent.evaluation.stream import MOST_SAMPLES, mixed_stream
from tts_agent.evaluation.trajectories import trajectories

STREAM = "mixed stream"


def run_replay(
    names: Sequence[str | Path],
    *,
    orderings: int = DEFAULT_ORDERINGS,
    seed: int = 0,
    max_samples: int = 20,
    contenders: Mapping[str, Contender] | None = None,
    processes: int = 1,
    command: str = "",
    progress: Callable[[str, float], None] = lambda name, seconds: None,
) -> Report:
    """Play every contender on each bank alone and on the mixed stream of them all.

    Args:
        names: files or names of banks, see `find_bank`; every one is read and checked before anything is played.
        contenders: by default the whole line-up, and on the stream its ablations. Others than functions
            of a module need `processes` = 1.
        processes: how many banks are played at once; the results do not depend on it.
        command: what was typed, for the report.
        progress: told what was done, and the seconds it took.

    Raises:
        BankError: a bank is missing, damaged, cannot be voted on, or was named twice.
    """
    competing = lineup() if contenders is None else dict(contenders)
    on_the_stream = {**competing, **ablations()} if contenders is None else competing
    banks = [load_bank(find_bank(name)) for name in names]
    for bank in banks:
        check_votes(bank)
    twice = [bank.name for bank in banks if sum(other.name == bank.name for other in banks) > 1]
    if twice:
        raise BankError(f"the bank {twice[0]} was named more than once")
    tasks = [_Task((bank,), bank.name, competing, orderings, seed, max_samples) for bank in banks]
    stream = _Task(tuple(banks), STREAM, on_the_stream, orderings, seed, min(MOST_SAMPLES, max_samples))
    results = []
    for result, seconds in _all([stream, *tasks], processes):
        progress(result.name, seconds)
        results.append(result)
    return Report(tuple(results[1:]), results[0], command)


@dataclass(frozen=True)
class _Task:
    banks: tuple[Bank, ...]
    name: str
    contenders: dict[str, Contender]
    orderings: int
    seed: int
    max_samples: int


def _all(tasks: Sequence[_Task], processes: int) -> Iterable[tuple[BankResult, float]]:
    if processes == 1:
        yield from map(_play, tasks)
        return
    with ProcessPoolExecutor(min(processes, len(tasks)), mp_context=get_context("spawn")) as pool:
        yield from pool.map(_play, tasks)


def _play(task: _Task) -> tuple[BankResult, float]:
    start = perf_counter()
    if task.name == STREAM:
        bank = None
        replays = mixed_stream(task.banks, number=task.orderings, seed=task.seed, max_samples=task.max_samples)
    else:
        (bank,) = task.banks
        replays = trajectories(bank, number=task.orderings, seed=task.seed, max_samples=task.max_samples)
    result = evaluate(replays, name=task.name, contenders=task.contenders, bank=bank, seed=task.seed)
    return result, perf_counter() - start
