"""What a run of the research knows: all of it JSON and messages, so that any checkpointer keeps it."""

from __future__ import annotations

import operator
from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypedDict

from langchain_core.messages import BaseMessage
from langgraph.graph.message import add_messages

from examples.deep_research.effort import Conduct, Effort
from examples.deep_research.language import IT, Hop, Note
from tts_agent import Budget


class Research(TypedDict, total=False):
    """The state of the graph."""

    question: str
    plan: list[str]
    """What is to be found out, in order: hops as `language` writes them."""
    notes: list[dict[str, Any]]
    """What was found out, see `note_data`."""
    undone: list[str]
    """What was not, and why."""
    report: str
    assembled: bool
    """Whether the report was put together from the notes, for want of one by the model that says what they say."""
    messages: Annotated[list[BaseMessage], add_messages]
    """The search for the fact at hand."""
    effort: dict[str, Any]
    """That of this search."""
    until: int | None
    """Tokens that the run may have spent when this search ends; None: no more than all others."""
    price: float
    """Of a token, when it was chosen."""
    tries: int
    """How often the fact at hand was looked for before: each time with other samples."""
    failed: str
    """Why this search, or the one before it for the same fact, came to nothing; empty where none did."""
    log: Annotated[list[str], operator.add]
    """What happened, a line a step."""


@dataclass(frozen=True)
class Run:
    """What comes with a run and is not kept: the same has to be given again when it is resumed."""

    budget: Budget
    """The one around the run."""
    conduct: Conduct
    seed: int = 0


def note_data(note: Note) -> dict[str, Any]:
    """A note as JSON."""
    return asdict(note)


def notes_of(state: Research) -> list[Note]:
    """The notes so far."""
    return [Note(Hop(**note["hop"]), note["value"], note["page"]) for note in state.get("notes", [])]


def next_hop(state: Research) -> Hop | None:
    """The next thing to find out, with the name of its subject; None where nothing is left."""
    notes = notes_of(state)
    if len(notes) >= len(state.get("plan", [])):
        return None
    relation, _, subject = state["plan"][len(notes)].partition(" of ")
    return Hop(relation, notes[-1].value if subject == IT and notes else subject)


def effort_of(state: Research) -> Effort:
    """The effort of the search at hand."""
    return Effort(**state["effort"])
