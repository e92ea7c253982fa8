"""One run of the lab: banks in, report out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

from tts_agent.evaluation.banks import BankError, find_bank, load_bank
from tts_agent.evaluation.contenders import Contender
from tts_agent.evaluation.lab import check_votes, evaluate
from tts_agent.evaluation.lineup import lineup
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
    max_samples: int = 40,
    contenders: Mapping[str, Contender] | None = None,
    command: str = "",
    progress: Callable[[str, float], None] = lambda name, seconds: None,
) -> Report:
    """Play every contender on each bank alone and on the mixed stream of them all.

    Args:
        names: files or names of banks, see `find_bank`; every one is read and checked before anything is played.
        contenders: by default the whole line-up.
        command: what was typed, for the report.
        progress: told what was done, and the seconds it took.

    Raises:
        BankError: a bank is missing, damaged, cannot be voted on, or was named twice.
    """
    competing = lineup() if contenders is None else contenders
    banks = [load_bank(find_bank(name)) for name in names]
    for bank in banks:
        check_votes(bank)
    twice = [bank.name for bank in banks if sum(other.name == bank.name for other in banks) > 1]
    if twice:
        raise BankError(f"the bank {twice[0]} was named more than once")
    results = []
    for bank in banks:
        start = perf_counter()
        replays = trajectories(bank, number=orderings, seed=seed, max_samples=max_samples)
        results.append(evaluate(replays, name=bank.name, contenders=competing, bank=bank, seed=seed))
        progress(bank.name, perf_counter() - start)
    start = perf_counter()
    replays = mixed_stream(banks, number=orderings, seed=seed, max_samples=min(MOST_SAMPLES, max_samples))
    stream = evaluate(replays, name=STREAM, contenders=competing, seed=seed)
    progress(STREAM, perf_counter() - start)
    return Report(tuple(results), stream, command)
