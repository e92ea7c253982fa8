"""Rows of a file: JSON lines, JSON, CSV, TSV and Parquet, each with the place where it stands."""

from __future__ import annotations

import csv
import json
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tts_agent.exceptions import ConfigurationError, MissingExtraError

LONGEST_LINE = 1 << 26
"""Bytes. A line beyond 64 MiB is no question; it is a file of another format."""


@dataclass(frozen=True, slots=True)
class Row:
    """Values by column, and where they stand."""

    place: str
    """File and line, for errors."""
    values: Mapping[str, Any]


ENDINGS = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".parquet")


def file_rows(path: Path) -> Generator[Row]:
    """The rows of a file, by its ending.

    Raises:
        ConfigurationError: naming file and line, for whatever cannot be read.
        MissingExtraError: a Parquet file, without the extra `data`.
    """
    match path.suffix.lower():
        case ".jsonl" | ".ndjson":
            reader = _json_lines
        case ".json":
            reader = _json
        case ".csv" | ".tsv":
            reader = _csv
        case ".parquet":
            reader = _parquet
        case _:
            raise ConfigurationError(f"{path}: the ending says no format that is known ({', '.join(ENDINGS)})")
    try:
        yield from reader(path)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read: {error.strerror or error}") from error


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines and their numbers, without a byte order mark."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LONGEST_LINE + 1):
            number += 1
            if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise ConfigurationError(f"{path}: is UTF-16: save it as UTF-8")
            if len(line) > LONGEST_LINE:
                raise ConfigurationError(f"{path}:{number}: the line is longer than {LONGEST_LINE >> 20} MiB")
            try:
                yield number, line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise ConfigurationError(
                    f"{path}:{number}: byte {error.start + 1} of the line is not UTF-8: "
                    "the file is in another encoding, or mixes two; save it as UTF-8"
                ) from None


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in _lines(path):
        if line.strip():
            yield _object(f"{path}:{number}", _parsed(f"{path}:{number}", line))


def _json(path: Path) -> Iterator[Row]:
    """A list of objects, or one object that holds such a list (`{"runs": [...]}`) or is the only row."""
    value = _parsed(str(path), "".join(line for _, line in _lines(path)))
    if isinstance(value, dict):
        lists = [held for held in value.values() if isinstance(held, list) and held and isinstance(held[0], dict)]
        value = lists[0] if len(value) == 1 and lists else [value]
    if not isinstance(value, list):
        raise ConfigurationError(f"{path}: is no list of JSON objects")
    for number, row in enumerate(value, 1):
        yield _object(f"{path}, row {number}", row)


def _parsed(place: str, text: str) -> Any:
    try:
        value = json.loads(text)
        if "\\u" in text:  # half of a pair of surrogates can be escaped, and is no text
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError:
        raise ConfigurationError(f"{place}: a \\u escape is half a character: such text has no UTF-8") from None
    except ValueError as error:
        raise ConfigurationError(f"{place}: is not JSON: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{place}: is nested too deeply") from None


def _object(place: str, value: Any) -> Row:
    if not isinstance(value, dict):
        raise ConfigurationError(f"{place}: is {type(value).__name__}, not a JSON object")
    return Row(place, value)


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(LONGEST_LINE)  # the standard library has one limit a process, of 128 KiB
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    reader = csv.reader((line for _, line in _lines(path)), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    try:
        for cells in reader:
            place = f"{path}:{reader.line_num}"
            if not cells:
                continue
            if names is None:
                names = _unique([cell.strip() for cell in cells], place)
                continue
            if len(cells) != len(names):
                raise ConfigurationError(f"{place}: has {len(cells)} columns, and the first line names {len(names)}")
            yield Row(place, {name: cell or None for name, cell in zip(names, cells, strict=True)})
    except csv.Error as error:
        raise ConfigurationError(f"{path}:{reader.line_num}: is no CSV: {error}") from None


def _unique(names: list[str], place: str) -> list[str]:
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(f"{place}: two columns are named {name!r}")
    return names


def _parquet(path: Path) -> Iterator[Row]:
    try:
        from pyarrow import ArrowInvalid
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingExtraError("reading Parquet files", "data") from None
    number = 0
    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches():
                for values in batch.to_pylist():
                    number += 1
                    yield Row(f"{path}, row {number}", values)
    except ArrowInvalid as error:
        raise ConfigurationError(f"{path}: is no Parquet file: {str(error).splitlines()[0]}") from None
