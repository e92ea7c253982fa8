"""Recorded turns: what an agent tried on a task, turn after turn, with feedback in between.

A file of JSON lines (gzip or plain), one task a line:

    {"id", "question", "turns": [{"correct" or "reward", "tokens", "sec"}]}

A turn is right when `correct` is true or `reward` is 1. `tokens` (output) and `sec` may be missing. Ladders of
compute budgets have "ladder" in place of "turns": each rung answers anew, and a right answer may get lost.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_agent.evaluation.banks import BankError

SIGNALS = 4
"""Signals that a turn may give."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One attempt, as it was recorded."""

    right: bool
    tokens: int | None = None
    """Output tokens."""
    seconds: float | None = None
    valid: bool | None = None
    """Whether the environment could run what was tried."""
    reward: float | None = None


@dataclass(frozen=True, slots=True)
class TurnTask:
    """A task and its turns in order; the record ends at success, at the most turns, or where the run broke off."""

    id: str
    turns: tuple[Turn, ...]
    question: str | None = None

    @property
    def right(self) -> tuple[bool, ...]:
        """Whether each turn was right."""
        return tuple(turn.right for turn in self.turns)

    @property
    def signals(self) -> tuple[int, ...]:
        """What else each turn showed, 0 to 3: 1 if it ran, plus 2 if it was as long and as good as the one before.

        A repeated turn is one that is stuck. 0 where the record does not say whether a turn ran.
        """
        told = []
        for t, turn in enumerate(self.turns):
            last = self.turns[t - 1] if t else None
            stuck = last is not None and (last.tokens, last.reward) == (turn.tokens, turn.reward)
            told.append(0 if turn.valid is None else int(turn.valid) + 2 * stuck)
        return tuple(told)


@dataclass(frozen=True, slots=True)
class TurnBank:
    """The tasks of one file, or of several that were pooled."""

    name: str
    tasks: tuple[TurnTask, ...]

    @property
    def longest(self) -> int:
        """The most turns of any task."""
        return max((len(task.turns) for task in self.tasks), default=0)


def load_turns(path: Path) -> TurnBank:
    """Read recorded turns. Tasks that broke off before their first turn are left out.

    Raises:
        BankError: the file is missing, damaged, empty or not in the format; it names the file and, from 1, the line.
    """
    name = path.name.removesuffix(".gz").removesuffix(".jsonl")
    tasks: list[TurnTask] = []
    number = 0
    try:
        with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    tasks.append(_task(line, f"{path}, line {number}"))
    except FileNotFoundError:
        raise BankError(f"{path}: there is no such file") from None
    except (OSError, EOFError, UnicodeDecodeError):
        raise BankError(f"{path}, line {number + 1}: damaged, or not a text file of JSON lines") from None
    started = tuple(task for task in tasks if task.turns)
    if not started:
        raise BankError(f"{path}, line 1: there is no task with a turn")
    return TurnBank(name, started)


def pool(name: str, banks: Sequence[TurnBank]) -> TurnBank:
    """Several banks of the same agent as one; ids get the bank's name in front."""
    tasks = (TurnTask(f"{bank.name}/{task.id}", task.turns, task.question) for bank in banks for task in bank.tasks)
    return TurnBank(name, tuple(tasks))


def pooled_folder(folder: Path) -> list[TurnBank]:
    """All recorded turns of a folder; files that differ in a last `_fs_N` only are pooled (parts of one set)."""
    groups: dict[str, list[TurnBank]] = {}
    for path in sorted(folder.glob("*.jsonl*")):
        bank = load_turns(path)
        head, part, number = bank.name.rpartition("_fs_")
        groups.setdefault(head if part and number.isdigit() else bank.name, []).append(bank)
    return [banks[0] if len(banks) == 1 else pool(name, banks) for name, banks in groups.items()]


def _task(line: str, where: str) -> TurnTask:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise BankError(f"{where}: not JSON") from None
    if not isinstance(row, dict) or not isinstance(row.get("id"), str):
        raise BankError(f"{where}: not a JSON object with an 'id'")
    turns = row.get("turns", row.get("ladder"))
    if not isinstance(turns, list):
        raise BankError(f"{where}: the field 'turns' is missing")
    question = row.get("question")
    return TurnTask(row["id"], _turns(turns, where), question if isinstance(question, str) else None)


def _turns(rows: Iterable[Any], where: str) -> tuple[Turn, ...]:
    turns = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or not isinstance(row.get("correct", row.get("reward")), bool | int | float):
            raise BankError(f"{where}, turn {number}: neither 'correct' nor 'reward'")
        right = row["correct"] is True if "correct" in row else row["reward"] >= 1.0
        tokens, seconds = row.get("tokens"), row.get("sec")
        if any(value is not None and not (_is_number(value) and value >= 0) for value in (tokens, seconds)):
            raise BankError(f"{where}, turn {number}: 'tokens' and 'sec' must be numbers >= 0")
        valid = row.get("valid")
        reward = float(row["reward"]) if _is_number(row.get("reward")) else None
        turns.append(Turn(right, tokens, seconds, valid if isinstance(valid, bool) else None, reward))
    return tuple(turns)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
