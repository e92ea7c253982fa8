"""Which column holds what: as the user says, else by the names that data sets usually give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.data.rows import Row

USUAL: Mapping[str, tuple[str, ...]] = {
    "question": ("question", "prompt", "problem", "messages", "instruction", "input", "query", "text"),
    "answer": ("answer", "reference", "gold", "target", "expected", "solution", "label"),
    "kind": ("kind", "class", "category", "task", "subject"),
    "group": ("group", "family"),
    "id": ("id", "question_id", "task_id", "uid"),
}
"""Names that are looked for, in this order, where the user names none."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of columns; "inputs.question" is the field `question` of a column `inputs`. None takes the usual names."""

    question: str | None = None
    answer: str | None = None
    kind: str | None = None
    group: str | None = None
    id: str | None = None

    def of(self, row: Row) -> dict[str, Any]:
        """What the row holds under each of the names above; None for what it does not hold.

        Raises:
            ConfigurationError: a column that was named is not there, or there is no question.
        """
        found = {field.name: _value(row, field.name, getattr(self, field.name)) for field in fields(self)}
        if found["question"] is None:
            looked = "nothing is there to ask" if self.question else f"no column is called {_or(USUAL['question'])}"
            raise ConfigurationError(f"{row.place}: {looked}; --question names the column, {_there(row)}")
        return found


def _value(row: Row, role: str, wanted: str | None) -> Any:
    if wanted is None:
        return next((row.values[name] for name in USUAL[role] if row.values.get(name) is not None), None)
    value: Any = row.values
    for name in (wanted,) if wanted in row.values else wanted.split("."):
        if not isinstance(value, Mapping) or name not in value:
            raise ConfigurationError(f"{row.place}: there is no column {wanted!r}; {_there(row)}")
        value = value[name]
    return value


def _or(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _there(row: Row) -> str:
    names = [str(name) for name in row.values]
    listed = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"the columns are {listed}" if names else "the row is empty"
