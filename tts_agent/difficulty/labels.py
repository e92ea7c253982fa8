"""Label rows: how often a model passed a question, with what the first sample showed.

One row a line, as JSON:

    {"text": "...", "kind": "arithmetic", "model": "m", "group": "q17", "passed": 9, "of": 15,
     "first": {"output_tokens": 63, "finish_reason": "stop", "logprob": -0.11, "valid": true,
               "verifier_score": null},
     "first_passed": true, "tools": 0, "turns": 1}

`passed` of `of` counts the *other* samples when the row has a `first`: a sample's signals must never predict
its own outcome. A question with 16 samples gives 16 rows, each sample being the first once (`leave_one_out`).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, get_args

from tts_agent.difficulty.base import SampleSignals, StepText
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import FinishReason


@dataclass(frozen=True, slots=True)
class Label:
    """One row. Raises `ConfigurationError` when it contradicts itself."""

    text: str
    kind: str
    model: str
    group: str
    """Rows of a group never stand on both sides of a split: usually the question's id."""
    passed: int
    """k, of the other samples where `first` is given."""
    of: int
    """N >= 1."""
    first: SampleSignals | None = None
    first_passed: bool | None = None
    """Whether that first sample passed; completes the question's count for stage one, never enters stage two."""
    tools: int = 0
    turns: int = 1

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ConfigurationError("text is empty: a label needs the question")
        if not self.group:
            raise ConfigurationError("group is empty: name the question (or its family), so that splits do not leak")
        if not (self.of >= 1 and 0 <= self.passed <= self.of):
            raise ConfigurationError(f"passed {self.passed} of {self.of}: 0 <= passed <= of and of >= 1 are needed")
        if self.first_passed is not None and self.first is None:
            raise ConfigurationError("first_passed is given without first")

    @property
    def step(self) -> StepText:
        """What stage one sees of it."""
        return StepText(self.text, self.kind, self.model, self.tools, self.turns)

    @property
    def total(self) -> tuple[int, int]:
        """(k, N) over all samples known of the question, the first one included."""
        if self.first_passed is None:
            return self.passed, self.of
        return self.passed + self.first_passed, self.of + 1


def leave_one_out(step: StepText, group: str, samples: Sequence[tuple[SampleSignals, bool]]) -> list[Label]:
    """One row for each of two or more samples (signals, passed), with the pass count of the others."""
    if len(samples) < 2:
        raise ConfigurationError(f"{len(samples)} sample of {step.text[:40]!r}: at least 2 are needed for a row")
    passed = sum(ok for _, ok in samples)
    return [
        Label(step.text, step.kind, step.model, group, passed - ok, len(samples) - 1, first, ok, step.tools, step.turns)
        for first, ok in samples
    ]


def write_labels(path: Path | str, labels: Iterable[Label]) -> int:
    """Write one JSON row a line (UTF-8), replacing the file; returns how many rows."""
    count = 0
    with Path(path).open("w", encoding="utf-8", newline="\n") as file:
        for label in labels:
            file.write(_line(label) + "\n")
            count += 1
    return count


def read_labels(path: Path | str) -> list[Label]:
    """Read rows back. Blank lines are skipped; unknown keys are ignored.

    Raises:
        ConfigurationError: naming file and line, for the first row that is no label.
    """
    labels: list[Label] = []
    try:
        with Path(path).open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                try:
                    labels.append(_label(_parsed(line)))
                except ConfigurationError as error:
                    raise ConfigurationError(f"{path}:{number}: {error}") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not labels:
        raise ConfigurationError(f"{path}: holds no labels")
    return labels


def data_hash(labels: Iterable[Label]) -> str:
    """sha256 of the rows, whatever their order: which data a head was trained on."""
    digest = hashlib.sha256()
    for line in sorted(_line(label) for label in labels):
        digest.update(line.encode() + b"\n")
    return digest.hexdigest()


def _line(label: Label) -> str:
    return json.dumps(asdict(label), ensure_ascii=False, sort_keys=True, separators=(",", ":"))


_LABEL_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "kind": str,
    "model": str,
    "group": str,
    "passed": int,
    "of": int,
    "first_passed": (bool, type(None)),
    "tools": int,
    "turns": int,
}
_SIGNAL_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "output_tokens": int,
    "finish_reason": str,
    "logprob": (int, float, type(None)),
    "valid": bool,
    "verifier_score": (int, float, type(None)),
}
_REQUIRED = {field.name for field in fields(Label)} - {"first", "first_passed", "tools", "turns"}


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"byte {error.start + 1} of the line is not UTF-8: the file is in another encoding, or mixes two"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(f"the line is not JSON: {error}") from error


def _label(row: Any) -> Label:
    values = _checked(row, _LABEL_TYPES, _REQUIRED, "the row")
    first = row.get("first")
    return Label(**values, first=None if first is None else _signals(first))


def _signals(row: Any) -> SampleSignals:
    values = _checked(row, _SIGNAL_TYPES, {"output_tokens", "finish_reason"}, "first")
    if values["finish_reason"] not in get_args(FinishReason):
        known = ", ".join(get_args(FinishReason))
        raise ConfigurationError(f"finish_reason is {values['finish_reason']!r}, not one of {known}")
    if values["output_tokens"] < 0:
        raise ConfigurationError(f"output_tokens is {values['output_tokens']}, not a count")
    return SampleSignals(**values)


def _checked(row: Any, types: Mapping[str, type | tuple[type, ...]], required: set[str], what: str) -> dict[str, Any]:
    """The known values of `row`, each of its type; bools do not pass as numbers, nor NaN as one."""
    if not isinstance(row, dict):
        raise ConfigurationError(f"{what} is {type(row).__name__}, not a JSON object")
    if missing := sorted(required - row.keys()):
        raise ConfigurationError(f"{what} lacks {', '.join(missing)}")
    for name, expected in types.items():
        if name not in row:
            continue
        value = row[name]
        allowed = expected if isinstance(expected, tuple) else (expected,)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            names = " or ".join("null" if one is type(None) else one.__name__ for one in allowed)
            raise ConfigurationError(f"{name} is {value!r}, not {names}")
        if isinstance(value, float) and not math.isfinite(value):
            raise ConfigurationError(f"{name} is {value}, not a finite number")
    return {name: row[name] for name in types if name in row}
