"""The whole suite: votes, first-sample signals, arms and turns of all recorded banks, in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from tts_agent.evaluation.arms import (
    PANEL_SPLITS,
    ArmLab,
    LadderResult,
    effort_ladders,
    routellm_ladders,
    with_splits,
    zeroeval_ladders,
)
from tts_agent.evaluation.banks import SUFFIXES, VARIABLE, Bank, BankError, bank_folder, load_bank
from tts_agent.evaluation.contenders import Contender
from tts_agent.evaluation.lab import check_votes
from tts_agent.evaluation.orderings import DEFAULT_ORDERINGS
from tts_agent.evaluation.predictors import beside, sentence_encoder
from tts_agent.evaluation.processes import Done, Job, Told, run_jobs, silent
from tts_agent.evaluation.published import Reproduced, reproduced
from tts_agent.evaluation.report import Report
from tts_agent.evaluation.run import report_of, vote_jobs
from tts_agent.evaluation.signals_table import SignalResult, exact_token_banks, signal_results
from tts_agent.evaluation.stream import TEN_BANKS
from tts_agent.evaluation.turns_report import TurnsReport, replay_turns
from tts_agent.exceptions import ConfigurationError

VOTES, SIGNALS, ARMS, TURNS = "votes", "signals", "arms", "turns"
PARTS = (VOTES, SIGNALS, ARMS, TURNS)

RUNS_A_JOB = 8
"""Runs whose signals are measured in one job: they share a loaded encoder."""

TURNS_FOLDER = "sequential"


@dataclass(frozen=True, slots=True)
class Suite:
    """What was found; parts that did not take part are None."""

    command: str
    parts: tuple[str, ...]
    votes: Report | None
    published: tuple[Reproduced, ...]
    signals: tuple[SignalResult, ...] | None
    arms: tuple[LadderResult, ...] | None
    turns: TurnsReport | None
    left_out: Mapping[str, str]
    """Banks and parts that could not take part, and why."""
    seconds: Mapping[str, float]
    """Processor time of each part."""
    longest: float
    """Processor time of the longest job: no number of processes is faster."""
    wall: float
    """Seconds it took."""
    processes: int


def run_suite(
    *,
    parts: Sequence[str] = (),
    orderings: int = DEFAULT_ORDERINGS,
    seed: int = 0,
    max_samples: int = 20,
    contenders: Mapping[str, Contender] | None = None,
    processes: int = 1,
    command: str = "",
    progress: Told = silent,
) -> Suite:
    """Replay everything in the folder of banks.

    Args:
        parts: of PARTS; none named means all, and then a part whose data the folder lacks is left out.
        contenders: as in `run_replay`.

    Raises:
        ConfigurationError: an unknown part.
        BankError: no folder of banks, a damaged bank, or one that a part that was named needs and that is missing.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise ConfigurationError(f"there is no part {unknown[0]!r}: the parts are {', '.join(PARTS)}")
    folder = bank_folder()
    if folder is None:
        raise BankError(f"there is no folder of recorded banks: set {VARIABLE}")
    start = perf_counter()
    votes = {"orderings": orderings, "seed": seed, "max_samples": max_samples, "contenders": contenders}
    makers: dict[str, Callable[[], tuple[list[Job], dict[str, str]]]] = {
        VOTES: lambda: _votes(folder, votes),
        SIGNALS: lambda: _signals(folder),
        ARMS: _arms,
        TURNS: lambda: ([Job("turns", partial(_turns, folder / TURNS_FOLDER), 4000.0)], {}),
    }
    jobs: list[Job] = []
    place: dict[str, slice] = {}
    left_out: dict[str, str] = {}
    for part in [each for each in PARTS if each in parts or not parts]:
        try:
            if part == TURNS and not (folder / TURNS_FOLDER).is_dir():
                raise BankError(f"no folder {TURNS_FOLDER} in the folder of banks")
            made, missing = makers[part]()
        except BankError as error:
            if parts:
                raise
            left_out[part] = str(error).replace(f"{folder}/", "").replace(str(folder), "the folder of banks")
            continue
        place[part] = slice(len(jobs), len(jobs) + len(made))
        jobs += made
        left_out |= missing
    if not place:
        raise BankError("the folder of banks has nothing to replay: " + "; ".join(left_out.values()))
    done = run_jobs(jobs, processes, progress)
    found = {part: done[where] for part, where in place.items()}
    return Suite(
        command=command,
        parts=tuple(place),
        votes=_report(found[VOTES], command) if VOTES in found else None,
        published=found[VOTES][-1].result if VOTES in found else (),
        signals=tuple(each for job in found[SIGNALS] for each in job.result) if SIGNALS in found else None,
        arms=tuple(job.result for job in found[ARMS]) if ARMS in found else None,
        turns=found[TURNS][0].result if TURNS in found else None,
        left_out=left_out,
        seconds={part: sum(job.seconds for job in of) for part, of in found.items()},
        longest=max(job.seconds for job in done),
        wall=perf_counter() - start,
        processes=processes,
    )


def voting_banks(folder: Path) -> tuple[list[tuple[Path, Bank]], dict[str, str]]:
    """The banks in a folder itself (not below it) that can be voted on; and why the others cannot.

    Raises:
        BankError: one is damaged, or there is none.
    """
    found, left_out = [], {}
    for path in sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES)):
        bank = load_bank(path)
        try:
            check_votes(bank)
        except BankError as error:
            left_out[bank.name] = str(error).removeprefix(f"{bank.name}: ")
            continue
        found.append((path, bank))
    if not found:
        raise BankError("no bank in the folder of banks can be voted on")
    return found, left_out


def _votes(folder: Path, settings: Mapping[str, Any]) -> tuple[list[Job], dict[str, str]]:
    alone, left_out = voting_banks(folder)
    banks = {bank.name: bank for _, bank in alone}
    ten = [banks[name] for name in TEN_BANKS if name in banks]
    together = ten if len(ten) == len(TEN_BANKS) else list(banks.values())
    jobs = vote_jobs(alone, together, **settings)
    last = partial(_published, settings["orderings"], settings["seed"])
    return [*jobs, Job("published numbers", last)], left_out


def _published(orderings: int, seed: int) -> tuple[Reproduced, ...]:
    return tuple(reproduced(orderings=orderings, seed=seed))


def _report(done: Sequence[Done], command: str) -> Report:
    report = report_of([each.result for each in done[:-1]], command)
    names = {bank.name for bank in report.banks}
    return replace(report, streamed=len(TEN_BANKS) if names.issuperset(TEN_BANKS) else len(names))


def _signals(folder: Path) -> tuple[list[Job], dict[str, str]]:
    folders: dict[Path, list[Path]] = {}
    for path in exact_token_banks(folder):
        folders.setdefault(path.parent, []).append(path)
    jobs = []
    for paths in folders.values():
        for start in range(0, len(paths), RUNS_A_JOB):
            some = tuple(paths[start : start + RUNS_A_JOB])
            name = f"signals of {some[0].name.split('.jsonl')[0]} and {len(some) - 1} more"
            jobs.append(Job(name, partial(_signals_of, some), 1000.0 * len(some)))
    return jobs, {}


def _signals_of(paths: tuple[Path, ...]) -> list[SignalResult]:
    return signal_results(paths, encoder=sentence_encoder(), given=beside(paths[0]))


def _arms() -> tuple[list[Job], dict[str, str]]:
    lab = ArmLab()
    panels = with_splits(lab, min(PANEL_SPLITS, lab.replay.splits))
    pairs = [(lab, ladder) for ladder in effort_ladders()]
    pairs += [(panels, ladder) for ladder in (*routellm_ladders(), *zeroeval_ladders())]
    return [Job(f"arms {ladder.name}", partial(each, ladder), 1000.0) for each, ladder in pairs], {}


def _turns(folder: Path) -> TurnsReport:
    return replay_turns(folder)
