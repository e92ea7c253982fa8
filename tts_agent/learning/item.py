"""A question to be labelled, whatever file it came from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, canonical_json
from tts_agent.step import Step


@dataclass(frozen=True, slots=True)
class Item:
    """One question, or one step of an agent, and what is known about its answer."""

    id: str
    """Unique in its data; samples are kept under it."""
    messages: tuple[Message, ...]
    """Everything that the model is shown."""
    kind: str = "default"
    """Class of step: what is learned is learned per class."""
    group: str = ""
    """Items of a group never stand on both sides of a split; the item's id where nobody says."""
    reference: Any = None
    """The right answer as any JSON value; None where nobody knows it."""
    tools: tuple[Mapping[str, Any], ...] = ()
    """Offered to the model."""
    place: str = field(default="", compare=False)
    """Where it stands (file and line), for errors."""

    def __post_init__(self) -> None:
        if not self.id:
            raise ConfigurationError("an item needs an id")
        if not self.group:
            object.__setattr__(self, "group", self.id)
        Step(self.messages)  # refuses what is no question

    @property
    def text(self) -> str:
        """What a difficulty estimator reads: see `Step.text`."""
        return Step(self.messages).text


def items_hash(items: Iterable[Item]) -> str:
    """sha256 of everything that decides what samples of these items are and whether they pass."""
    digest = hashlib.sha256()
    for item in items:
        digest.update(_line(item).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def stream_seed(seed: int, item: str) -> int:
    """The base of the random stream of the question with this id: below 2**31, as endpoints want it."""
    name = f"{seed} {item}".encode(errors="surrogatepass")
    return int.from_bytes(hashlib.blake2b(name, digest_size=4).digest(), "big") >> 1


def _line(item: Item) -> str:
    turns = [
        [turn.role, turn.content, [[call.name, call.arguments] for call in turn.tool_calls], turn.tool_call_id]
        for turn in item.messages
    ]
    return canonical_json([item.id, turns, item.kind, item.group, item.reference, list(item.tools)])
