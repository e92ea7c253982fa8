"""Classes of the steps of a research agent, read off the step: what is learned about steps is learned per class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import ToolMessage
from langchain_core.runnables.config import ensure_config

from tts_agent.exceptions import ConfigurationError

_WORDS: Mapping[str, tuple[str, ...]] = {
    "plan": ("plan", "decompos", "outline", "brief", "clarif"),
    "query writing": ("quer", "search", "retriev"),
    "check": ("check", "verif", "reflect", "critic", "contradict", "grade", "judge", "review"),
    "reading": ("read", "extract", "summar", "compress", "note"),
    "tool choice": ("supervis", "delegat", "route"),
    "synthesis": ("synth", "report", "write", "answer", "final", "respond", "conclu"),
}
"""Beginnings of words in names of graph nodes. The first class that has one wins: `write_queries` writes queries."""


@dataclass(frozen=True, slots=True)
class StepKinds:
    """For `kind=` of `AdaptiveReasoning` and `adaptive_node`.

    The class is that of the graph node, by its name or by words in it, the innermost first: plan, query writing, tool
    choice, reading, check, synthesis. Where no name tells (`model`, `agent`), the request does: "reading" after results
    of tools and where a form is asked for without tools, "tool choice" where tools are offered, "synthesis" where none
    are any more, else "user turn".
    """

    names: Mapping[str, str] = field(default_factory=dict)
    """Class of a step by the name of its graph node, before anything else."""

    def __post_init__(self) -> None:
        given: object = self.names
        if not isinstance(given, Mapping) or not all(isinstance(each, str) for pair in given.items() for each in pair):
            raise ConfigurationError(f"names is {self.names!r}: give the class of each graph node by its name")

    def __call__(self, asked: Any) -> str:
        """Of a state, or of an agent's request to its model."""
        nodes = list(_nodes(ensure_config().get("metadata") or {}))
        named = (self.names[node] for node in nodes if node in self.names)
        return next(named, None) or next(filter(None, map(_by_words, nodes)), None) or _by_request(asked)


def _nodes(metadata: Mapping[str, Any]) -> Iterator[str]:
    """The graph nodes around this code, the innermost first."""
    yield str(metadata.get("langgraph_node") or "")
    for step in reversed(str(metadata.get("langgraph_checkpoint_ns") or "").split("|")):
        yield step.partition(":")[0]


def _by_words(node: str) -> str | None:
    words = re.findall(r"[a-z]+", re.sub(r"([a-z])([A-Z])", r"\1 \2", node).lower())
    return next((kind for kind, stems in _WORDS.items() if any(word.startswith(stems) for word in words)), None)


def _by_request(asked: Any) -> str:
    messages = _read(asked, "messages")
    turns: Sequence[Any] = messages if isinstance(messages, list | tuple) else ()
    tools = bool(_read(asked, "tools"))
    if (turns and isinstance(turns[-1], ToolMessage)) or (_read(asked, "response_format") is not None and not tools):
        return "reading"
    if tools:
        return "tool choice"
    return "synthesis" if any(isinstance(turn, ToolMessage) for turn in turns) else "user turn"


def _read(asked: Any, name: str) -> Any:
    return asked.get(name) if isinstance(asked, Mapping) else getattr(asked, name, None)
