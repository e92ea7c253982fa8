"""What there is by name: the parts in this package, and those that other distributions announce by entry points."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from typing import Any, Literal

Group = Literal["strategies", "verifiers", "estimators"]

METHODS: Mapping[Group, str] = MappingProxyType({"strategies": "run", "verifiers": "verify", "estimators": "predict"})
"""What a part of each group is known by."""


@dataclass(frozen=True, slots=True)
class Part:
    """A class, function or object with a name; or why there is none."""

    name: str
    distribution: str | None
    """Who announces it, with its version; None for what ships with this package."""
    what: str = ""
    """The first sentence of its documentation."""
    value: Any = None
    """A class, or another callable that makes the part, or the part itself."""
    error: str | None = None
    """Why it could not be loaded."""

    @property
    def needs(self) -> tuple[str, ...]:
        """What it wants of the endpoint or the machine, as it says itself."""
        return tuple(getattr(self.value, "needs", ()))

    @property
    def source(self) -> str:
        """Whose idea it is, as it says itself; often a paper."""
        return str(getattr(self.value, "source", ""))


def parts(group: Group) -> list[Part]:
    """What ships, then what is announced, each in the order of their names."""
    announced = sorted(entry_points(group=f"tts_agent.{group}"), key=lambda entry: entry.name)
    return [*_shipped(group), *map(_announced, announced)]


def settings(value: Any, group: Group) -> dict[str, bool]:
    """The settings of what makes a part -> whether it must be given; none where it is a part itself."""
    if not is_maker(value, group):
        return {}
    try:
        taken = inspect.signature(value).parameters.values()
    except ValueError:  # written in C, without one
        return {}
    named = (one for one in taken if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD))
    return {one.name: one.default is one.empty for one in named}


def is_maker(value: Any, group: Group) -> bool:
    """Whether it makes a part when called; else it should be one."""
    return isinstance(value, type) or (callable(value) and not hasattr(value, METHODS[group]))


def _shipped(group: Group) -> list[Part]:
    """Every class that the package of the group exports and that has the group's method: one a file, named after it."""
    if group == "estimators":  # the one that ships is trained for the embedded model, and is found by `auto`
        return []
    package = import_module(f"tts_agent.{group}")
    exported = (getattr(package, name) for name in package.__all__)
    makers = (value for value in exported if isinstance(value, type) and not getattr(value, "_is_protocol", False))
    found = [value for value in makers if callable(getattr(value, METHODS[group], None))]
    named = {value.__module__.rpartition(".")[2]: value for value in found}
    return [
        Part(name, None, _sentence(import_module(named[name].__module__).__doc__), named[name])
        for name in sorted(named)
    ]


def _announced(entry: EntryPoint) -> Part:
    distribution = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"
    try:
        value = entry.load()
    except Exception as error:  # noqa: BLE001  # somebody else's module may raise anything, and is only one of many
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return Part(entry.name, distribution, error=reason)
    own = value.__doc__ if inspect.isclass(value) or inspect.isfunction(value) else None
    if not own or own.startswith(f"{value.__name__}("):  # what a dataclass without documentation writes itself
        own = import_module(entry.module).__doc__
    return Part(entry.name, distribution, _sentence(own), value)


def _sentence(text: str | None) -> str:
    """The first sentence, on one line."""
    words = " ".join((text or "").strip().partition("\n\n")[0].split())
    found = re.match(r".+?[.!?](?=\s|$)", words)
    return found[0] if found else words
