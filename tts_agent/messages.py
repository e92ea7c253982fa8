"""Messages in the shape every chat endpoint shares. Framework objects ride along untouched in `raw`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Role = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model proposes. Two calls are equal when name and argument text are; ids do not count."""

    name: str
    arguments: str
    """JSON text as the model wrote it; `answers.tool_calls` normalizes it for votes."""
    id: str | None = field(default=None, compare=False)
    valid: bool = True
    """False when the framework or the endpoint could not parse the call."""

    def __str__(self) -> str:
        """The name and, in parentheses, the arguments: canonical JSON, or as written where they are no JSON."""
        try:
            return f"{self.name}({canonical_json(json.loads(self.arguments or '{}'))})"
        except (ValueError, RecursionError):
            return f"{self.name}({self.arguments})"


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. Equality and hash ignore `raw`, so requests can be compared and counted."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    raw: Any = field(default=None, compare=False, repr=False)
    """The framework's or endpoint's own object, for content this type does not model (images, ...)."""

    @property
    def blank(self) -> bool:
        """Whether it says nothing: no text, no calls, and nothing but text in `raw`."""
        content = self.raw.get("content") if isinstance(self.raw, Mapping) else getattr(self.raw, "content", self.raw)
        return not (self.content.strip() or self.tool_calls or (content and not _is_text(content)))


def _is_text(content: Any) -> bool:
    """Whether a framework's content is text, or parts that all are."""
    if isinstance(content, list):
        return all(_is_text(part) for part in content)
    return isinstance(content, str) or (isinstance(content, Mapping) and content.get("type") == "text")


def canonical_json(value: Any) -> str:
    """One spelling per JSON value: keys sorted, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def user(content: str) -> Message:
    """A user turn."""
    return Message("user", content)


def assistant(content: str) -> Message:
    """An assistant turn. As the *last* message of a request it is a prefix for the model to continue."""
    return Message("assistant", content)


def system(content: str) -> Message:
    """A system turn."""
    return Message("system", content)
