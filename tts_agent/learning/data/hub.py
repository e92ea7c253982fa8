"""Rows of a Hugging Face data set: a name on the hub, or a folder of data files."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from tts_agent.exceptions import ConfigurationError, MissingExtraError
from tts_agent.learning.data.rows import Row


def hub_rows(name: str, subset: str | None, split: str) -> Generator[Row]:
    """Rows of one split, streamed: no more is downloaded than is read. Scripts of data sets are never run.

    Raises:
        ConfigurationError: there is no such data set, subset or split, or the hub cannot be reached.
        MissingExtraError: without the extra `data`.
    """
    try:
        import datasets
    except ImportError:
        raise MissingExtraError("reading Hugging Face data sets", "data") from None
    try:
        rows: Any = datasets.load_dataset(name, subset, split=split, streaming=True)
        for number, values in enumerate(rows, 1):
            yield Row(f"{name} ({split}), row {number}", values)
    except (OSError, ValueError, RuntimeError) as error:
        said = str(error).strip().partition("\n")[0] or type(error).__name__
        raise ConfigurationError(f"the data set {name!r} cannot be read: {said}") from error
