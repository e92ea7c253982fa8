"""Items from whatever the user has: files, data sets, traces."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.data.columns import Columns
from tts_agent.learning.data.hub import hub_rows
from tts_agent.learning.data.rows import ENDINGS, Row, file_rows
from tts_agent.learning.data.traces import is_run, run_rows, state_messages, state_rows
from tts_agent.learning.data.turns import read_turns
from tts_agent.learning.item import Item
from tts_agent.messages import Message, system


def read_items(
    source: str,
    columns: Columns | None = None,
    *,
    subset: str | None = None,
    split: str = "train",
    instructions: str | None = None,
    limit: int | None = None,
) -> list[Item]:
    """The questions of a file (JSON lines, JSON, CSV, TSV, Parquet; rows, LangSmith runs or LangGraph states) or of a
    Hugging Face data set.

    Args:
        source: path of a file; else name of a data set, or a folder with the data files of one.
        columns: which column holds what; by default the usual names are looked for.
        subset, split: of a data set.
        instructions: a system message that precedes every question.
        limit: at most so many, the first ones.

    Raises:
        ConfigurationError: naming file, line and column, for whatever cannot be read as questions.
        MissingExtraError: Parquet or a data set, without the extra `data`.
    """
    if not source.strip():
        raise ConfigurationError("no file or data set is named")
    path = Path(source)
    is_file = path.is_file() or (path.suffix.lower() in ENDINGS and not path.is_dir())
    rows = file_rows(path) if is_file else hub_rows(source, subset, split)
    named = columns or Columns()
    items: list[Item] = []
    with closing(rows):
        for row in _steps(rows, traces=named.question is None):
            if limit is not None and len(items) == limit:
                break
            items.append(_item(row, named, instructions, len(items)))
    if not items:
        raise ConfigurationError(f"{source}: holds no question")
    _check_ids(items)
    return items


def _steps(rows: Generator[Row], *, traces: bool) -> Iterator[Row]:
    """The rows; those of a trace (which the first one tells) as the steps that they show."""
    first = next(rows, None)
    if first is None:
        return
    everything = chain([first], rows)
    if traces and is_run(first.values):
        yield from run_rows(list(everything))
    elif traces and state_messages(first.values) is not None:
        yield from state_rows(list(everything))
    else:
        yield from everything


def _item(row: Row, columns: Columns, instructions: str | None, number: int) -> Item:
    found = columns.of(row)
    turns = read_turns(found["question"], row.place)
    reference = found["answer"]
    if len(turns) > 1 and turns[-1].role == "assistant":  # a conversation that was written down with its answer
        reference = (turns[-1].content or None) if reference is None else reference
        turns = turns[:-1]
    messages: tuple[Message, ...] = (system(instructions), *turns) if instructions else turns
    tools = row.values.get("tools")
    try:
        return Item(
            id=_text(found["id"], str(number)),
            messages=messages,
            kind=_text(found["kind"], "default"),
            group=_text(found["group"], _alike(turns)),
            reference=reference,
            tools=tuple(tool for tool in tools if isinstance(tool, dict)) if isinstance(tools, list) else (),
            place=row.place,
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"{row.place}: {error}") from error


def _text(value: Any, otherwise: str) -> str:
    return otherwise if value is None or value == "" else str(value)


def _alike(turns: Sequence[Message]) -> str:
    """One group for questions that read the same, so that no split has a question on both of its sides."""
    said = " ".join(f"{turn.role}: {' '.join(turn.content.split()).casefold()}" for turn in turns)
    return blake2b(said.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _check_ids(items: Sequence[Item]) -> None:
    places: dict[str, str] = {}
    for item in items:
        if item.id in places:
            raise ConfigurationError(f"{item.place}: the id {item.id!r} is that of {places[item.id]} already")
        places[item.id] = item.place
