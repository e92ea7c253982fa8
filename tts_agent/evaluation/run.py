"""One run of the lab: banks in, report out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tts_agent.evaluation.banks import Bank, BankError, find_bank, load_bank
from tts_agent.evaluation.contenders import Contender
from tts_agent.evaluation.lab import BankResult, check_votes, evaluate
from tts_agent.evaluation.lineup import ablations, lineup
from tts_agent.evaluation.orderings import DEFAULT_ORDERINGS
from tts_agent.evaluation.predictors import predictor_card
from tts_agent.evaluation.priced import mixture
from tts_agent.evaluation.processes import Job, Told, run_jobs, silent
from tts_agent.evaluation.report import Report
from tts_agent.evaluation.stream import MOST_SAMPLES, mixed_stream
from tts_agent.evaluation.trajectories import trajectories

STREAM = "mixed stream"

POPULATION = "population"
"""Our belief in the leader, beside the lab's own: under the population of its class."""


def run_replay(
    names: Sequence[str | Path],
    *,
    orderings: int = DEFAULT_ORDERINGS,
    seed: int = 0,
    max_samples: int = 20,
    contenders: Mapping[str, Contender] | None = None,
    processes: int = 1,
    command: str = "",
    progress: Told = silent,
) -> Report:
    """Play every contender on each bank alone and on the mixed stream of them all.

    The stream of a single bank is that bank again: then it is not played twice.

    Args:
        names: files or names of banks, see `find_bank`; every one is read and checked before anything is played.
        contenders: by default the whole line-up, and on the stream its ablations. Others than functions
            of a module need `processes` = 1.
        processes: how many banks are played at once; the results do not depend on it.
        command: what was typed, for the report.
        progress: gets a line when a bank is begun and when it is done.

    Raises:
        BankError: a bank is missing, damaged, cannot be voted on, or was named twice.
    """
    paths = [find_bank(name) for name in names]
    banks = [load_bank(path) for path in paths]
    for bank in banks:
        check_votes(bank)
    twice = [bank.name for bank in banks if sum(other.name == bank.name for other in banks) > 1]
    if twice:
        raise BankError(f"the bank {twice[0]} was named more than once")
    jobs = vote_jobs(
        list(zip(paths, banks, strict=True)),
        banks,
        orderings=orderings,
        seed=seed,
        max_samples=max_samples,
        contenders=contenders,
    )
    return report_of([done.result for done in run_jobs(jobs, processes, progress)], command)


def vote_jobs(
    alone: Sequence[tuple[Path, Bank]],
    together: Sequence[Bank],
    *,
    orderings: int = DEFAULT_ORDERINGS,
    seed: int = 0,
    max_samples: int = 20,
    contenders: Mapping[str, Contender] | None = None,
) -> list[Job]:
    """The stream of some banks, unless there is but one, and then each bank alone; `report_of` wants their results."""
    competing = lineup() if contenders is None else dict(contenders)
    on_the_stream = {**competing, **ablations()} if contenders is None else competing
    tasks = [_Task((bank,), bank.name, competing, orderings, seed, max_samples, path) for path, bank in alone]
    if len(alone) > 1:
        most = min(MOST_SAMPLES, max_samples)
        tasks.insert(0, _Task(tuple(together), STREAM, on_the_stream, orderings, seed, most))
    return [Job(task.name, partial(_play, task), task.size) for task in tasks]


def report_of(results: Sequence[BankResult], command: str) -> Report:
    """The report of the results of `vote_jobs`, in their order."""
    return Report(tuple(results[1:] or results), results[0], command)


@dataclass(frozen=True)
class _Task:
    banks: tuple[Bank, ...]
    name: str
    contenders: dict[str, Contender]
    orderings: int
    seed: int
    max_samples: int
    path: Path | None = None
    """Of a single bank's file."""

    @property
    def size(self) -> float:
        """How long it takes, roughly: tables count most, and their size goes with the square of samples."""
        longest = max(len(question.samples) for bank in self.banks for question in bank.questions)
        return 100.0 * len(self.banks) * min(self.max_samples, longest) ** 2


def _play(task: _Task) -> BankResult:
    limits = {"number": task.orderings, "seed": task.seed, "max_samples": task.max_samples}
    if task.path is None:
        bank, card = None, None
        replays = mixed_stream(task.banks, **limits)
    else:
        (bank,) = task.banks
        card = predictor_card(bank, task.path, seed=task.seed)
        replays = trajectories(bank, **limits)
    return evaluate(
        replays,
        name=task.name,
        contenders=task.contenders,
        beliefs={POPULATION: mixture},
        bank=bank,
        seed=task.seed,
        predictor=card,
    )
