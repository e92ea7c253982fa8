"""Banks: recorded samples of a real model, many to a question, so that any policy can be replayed on them.

A bank is a file of JSON lines (gzip or plain), one question a line:

    {"id", "question", "gold", "samples": [{"answer", "correct", "tokens", "logprob", "src"}]}

`answer` null means the sample could not vote; `tokens` are output tokens; fields not named here are ignored.
Replay depends on nothing else, so a bank that anybody recorded in this format can be read.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_agent.exceptions import ConfigurationError

VARIABLE = "TTS_AGENT_BANKS"
"""Environment variable that names the folder with banks; set but empty: there is none."""

SUFFIXES = (".jsonl.gz", ".jsonl")

MOST_SHORT = 0.05
"""Largest share of questions with too few samples that is left out; above it the bank is refused."""

_SHIPPED = Path(__file__).parent / "data"
_BESIDE = Path(__file__).parents[3] / "shared" / "recorded"


class BankError(ConfigurationError):
    """A bank of recorded samples is missing or cannot be used; the message names file and line."""


@dataclass(frozen=True, slots=True)
class RecordedSample:
    """One completion, as it was recorded."""

    answer: str | None
    """What it votes for; None when it could not vote."""
    correct: bool
    """For scoring only: no policy may look at it outside its training questions."""
    tokens: int | None
    """Output tokens, reasoning included; None where nobody wrote them down."""
    logprob: float | None
    """Mean log-probability per token (nats)."""
    source: str | None
    """Which prompt, run or model drew it, in a mixture of several ("src" in the file)."""


@dataclass(frozen=True, slots=True)
class RecordedQuestion:
    """A question and the samples that were drawn for it, in the order of the file."""

    id: str
    question: str | None
    """The text; None where it must not be stored."""
    gold: str | None
    samples: tuple[RecordedSample, ...]


@dataclass(frozen=True, slots=True)
class Bank:
    """The questions of one file. Their numbers of samples may differ a little."""

    name: str
    """The file's name without suffix."""
    questions: tuple[RecordedQuestion, ...]
    left_out: int = 0
    """Questions of the file that had fewer samples than asked for."""


def bank_folder() -> Path | None:
    """The folder of recorded banks: TTS_AGENT_BANKS, else `../shared/recorded` beside the repository, else None.

    Raises:
        BankError: the variable names something that is no folder.
    """
    named = os.environ.get(VARIABLE)
    if named is None:
        return _BESIDE if _BESIDE.is_dir() else None
    if named and not Path(named).is_dir():
        raise BankError(f"{VARIABLE} is {named}, which is no folder")
    return Path(named) if named else None


def find_bank(name: str | Path) -> Path:
    """The file of a bank: a path as it stands, else a name below `bank_folder()`, else one shipped with the package.

    A name is a file name, with or without its suffix, or a path relative to the folder.

    Raises:
        BankError: there is no such file, or the folder has several of that name.
    """
    if Path(name).is_file():
        return Path(name)
    folder = bank_folder()
    for place in (folder, _SHIPPED):
        found = _below(place, str(name)) if place else []
        if len(found) > 1:
            raise BankError(f"there are {len(found)} banks named {name} below {place}: give one's path")
        if found:
            return found[0]
    where = folder or f"no folder ({VARIABLE} is not set)"
    raise BankError(f"there is no bank {name}: no such file, and none of that name in {where} or in the package")


def shipped_banks() -> list[Path]:
    """The banks that come with the package."""
    return sorted(path for path in _SHIPPED.glob("*.jsonl*") if path.name.endswith(SUFFIXES))


def load_bank(path: Path, *, least_samples: int = 2) -> Bank:
    """Read a bank.

    Questions with fewer than `least_samples` samples (calls that failed when they were recorded) are left out
    and counted in `Bank.left_out`, up to 5 % of the file.

    Raises:
        BankError: the file is missing, damaged, empty or not in the format, a question comes twice, or more
            than 5 % of the questions have too few samples. It names the file and, from 1, the line.
    """
    questions: dict[str, RecordedQuestion] = {}
    short: list[int] = []
    for number, line in _lines(path):
        where = f"{path}, line {number}"
        question = _question(line, where)
        if question.id in questions:
            raise BankError(f"{where}: the id {question.id!r} has come before")
        if len(question.samples) < least_samples:
            short.append(number)
        else:
            questions[question.id] = question
    if not questions and not short:
        raise BankError(f"{path}, line 1: the bank is empty, without a single question")
    if len(short) > MOST_SHORT * (len(questions) + len(short)):
        raise BankError(
            f"{path}, line {short[0]}: fewer than {least_samples} samples to the question, and so for {len(short)} "
            f"of {len(questions) + len(short)}"
        )
    return Bank(_bare_name(path), tuple(questions.values()), left_out=len(short))


def _below(folder: Path, name: str) -> list[Path]:
    names = {name, *(name + suffix for suffix in SUFFIXES)}
    direct = [folder / each for each in sorted(names) if (folder / each).is_file()]
    return direct or sorted(path for path in folder.rglob("*.jsonl*") if path.name in names)


def _bare_name(path: Path) -> str:
    return next((path.name.removesuffix(suffix) for suffix in SUFFIXES if path.name.endswith(suffix)), path.name)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Numbered lines with something in them."""
    number = 0
    try:
        with gzip.open(path, "rb") if path.name.endswith(".gz") else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.decode("utf-8")
                if text.strip():
                    yield number, text
    except UnicodeDecodeError:
        raise BankError(f"{path}, line {number}: not UTF-8 text") from None
    except FileNotFoundError:
        raise BankError(f"{path}: there is no such file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise BankError(f"{path}, line {number + 1}: not a gzip file, or one that was cut off") from None
    except OSError as error:
        raise BankError(f"{path}, line {number}: cannot be read ({error.strerror})") from None


def _question(line: str, where: str) -> RecordedQuestion:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        raise BankError(f"{where}: not JSON") from None
    if not isinstance(row, dict):
        raise BankError(f"{where}: not a JSON object")
    samples = _field(row, "samples", (list,), where)
    return RecordedQuestion(
        _field(row, "id", (str,), where),
        _field(row, "question", (str, None), where),
        _field(row, "gold", (str, None), where, required=False),
        tuple(_sample(sample, f"{where}, sample {index}") for index, sample in enumerate(samples, start=1)),
    )


def _sample(row: object, where: str) -> RecordedSample:
    if not isinstance(row, dict):
        raise BankError(f"{where}: not a JSON object")
    tokens = _field(row, "tokens", (int, None), where)
    if tokens is not None and tokens < 0:
        raise BankError(f"{where}: {tokens} tokens")
    return RecordedSample(
        _field(row, "answer", (str, None), where),
        _field(row, "correct", (bool,), where),
        tokens,
        _field(row, "logprob", (float, int, None), where, required=False),
        _field(row, "src", (str, None), where, required=False),
    )


def _field(row: dict[str, Any], name: str, types: tuple[type | None, ...], where: str, *, required: bool = True) -> Any:
    """The value of a field, whose type (exactly: true is no number) is one of `types`; None stands for null."""
    if name not in row:
        if required:
            raise BankError(f"{where}: the field {name!r} is missing")
        return None
    value = row[name]
    if (None if value is None else type(value)) not in types:
        wanted = " or ".join("null" if kind is None else kind.__name__ for kind in types)
        raise BankError(f"{where}: the field {name!r} is {value!r:.40}, not {wanted}")
    return value
