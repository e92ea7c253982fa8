"""Exceptions on their way from one process to another: by name, with their bases, as far as built-in ones go."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any


def describe(error: BaseException, encode: Callable[[Any], Any]) -> list[Any]:
    """The names of its class and bases, its arguments, and the line of the solution that raised it."""
    try:
        arguments = encode(list(error.args))
    except Exception:  # noqa: BLE001 - its arguments may be anything; the name of the exception will do
        arguments = []
    return [names_of(type(error)), arguments, _line(error)]


def names_of(kind: type) -> list[str]:
    """The class and its bases, up to the first that is built in."""
    names = []
    for base in kind.__mro__:
        names.append(base.__name__)
        if getattr(builtins, base.__name__, None) is base:
            break
    return names


class ExceptionClasses:
    """Makes classes for the names that arrive; the same for the same names, so that a test can catch what it names."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, ...], type[BaseException]] = {}

    def named(self, names: tuple[str, ...]) -> type[BaseException]:
        """The built-in exception, or a class of that name with those bases."""
        known = getattr(builtins, names[0], None) if names else Exception
        if isinstance(known, type) and issubclass(known, BaseException):
            return known
        if names not in self._made:
            self._made[names] = type(str(names[0]), (self.named(names[1:]),), {})
        return self._made[names]

    def rebuilt(self, names: list[str], arguments: list[Any], line: int | None) -> BaseException:
        """What `describe` described, with a note that says the line."""
        kind = self.named(tuple(names))
        try:
            error = kind(*arguments)
        except Exception:  # noqa: BLE001 - some take other arguments than they keep
            error = kind.__new__(kind)
        if line:
            error.add_note(f"in line {int(line)} of the solution")
        return error


def _line(error: BaseException) -> int | None:
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<solution>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
