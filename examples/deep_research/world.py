"""A small world of people, towns, companies and books: who works where, what belongs to whom, and what used to be.

Everything is drawn from a seed. A relation of something has one value at a time; some had another one before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType
from typing import Literal

from examples.deep_research.words import (
    BOOK_ENDS,
    BOOK_STARTS,
    COMPANY_KINDS,
    COMPANY_NAMES,
    FIRST_NAMES,
    SURNAMES,
    TOWNS,
)

Kind = Literal["person", "town", "company", "book"]
FIRST_YEAR, LAST_YEAR = 1950, 2019


@dataclass(frozen=True, slots=True)
class Relation:
    """A question that can be asked about things of one kind, with one answer at a time."""

    name: str
    subject: Kind
    object: Kind
    synonym: str
    """A second word for it, which only questions use."""
    sentences: tuple[tuple[str, str], ...]
    """Ways to say it, "{s}" and "{o}" standing for subject and object; each with the word that gives it away."""


RELATIONS: Mapping[str, Relation] = MappingProxyType(
    {
        relation.name: relation
        for relation in (
            Relation(
                "employer", "person", "company", "workplace",
                (("{s} works for {o}", "works"), ("{o} employs {s}", "employs"), ("{s} has a job at {o}", "job")),
            ),
            Relation(
                "birthplace", "person", "town", "origin",
                (("{s} was born in {o}", "born"), ("{o} is the home town of {s}", "home")),
            ),
            Relation(
                "teacher", "person", "person", "mentor",
                (("{s} was taught by {o}", "taught"), ("{s} learned everything from {o}", "learned")),
            ),
            Relation(
                "hobby", "person", "book", "reading",
                (("{s} loves {o}", "loves"), ("{s} always reads {o}", "reads")),
            ),
            Relation(
                "base", "company", "town", "headquarters",
                (("{s} is based in {o}", "based"), ("{s} has its seat in {o}", "seat")),
            ),
            Relation(
                "founder", "company", "person", "creator",
                (("{s} was founded by {o}", "founded"), ("{o} started {s}", "started")),
            ),
            Relation(
                "owner", "company", "company", "parent",
                (("{s} belongs to {o}", "belongs"), ("{o} owns {s}", "owns")),
            ),
            Relation(
                "mayor", "town", "person", "head",
                (("{s} is governed by {o}", "governed"), ("{o} rules in {s}", "rules")),
            ),
            Relation(
                "neighbor", "town", "town", "border",
                (("{s} lies next to {o}", "next"), ("the road from {s} leads to {o}", "road")),
            ),
            Relation(
                "author", "book", "person", "writer",
                (("{s} was written by {o}", "written"), ("{o} wrote {s}", "wrote")),
            ),
        )
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fact:
    """That something holds, or held."""

    subject: str
    relation: str
    object: str
    year: int | None = None
    """Since when; None where it has never been otherwise."""

    def sentence(self, way: int) -> str:
        """One of the ways to say it, without a full stop."""
        ways = RELATIONS[self.relation].sentences
        said = ways[way % len(ways)][0].format(s=self.subject, o=self.object)
        return said if self.year is None else f"since {self.year} {said}"


@dataclass(frozen=True, slots=True)
class World:
    """What there is, what holds, and what held before."""

    things: Mapping[str, Kind]
    facts: Mapping[tuple[str, str], Fact]
    """By subject and relation: what holds."""
    outdated: Sequence[Fact]
    """What held before, each with an earlier year than the fact that replaced it."""

    def follow(self, start: str, relations: Sequence[str]) -> list[Fact]:
        """The facts that lead from `start` along the relations."""
        path: list[Fact] = []
        for relation in relations:
            path.append(self.facts[path[-1].object if path else start, relation])
        return path


def make_world(
    seed: int, *, people: int = 110, towns: int = 40, companies: int = 50, books: int = 40, changed: float = 0.25
) -> World:
    """Draw a world.

    Args:
        seed: of everything in it.
        people, towns, companies, books: how many there are.
        changed: share of the facts that were otherwise before.
    """
    rng = Random(f"world {seed}")
    names: dict[Kind, list[str]] = {
        "person": rng.sample([f"{first} {last}" for first in FIRST_NAMES for last in SURNAMES], people),
        "town": rng.sample(TOWNS, towns),
        "company": rng.sample([f"{name} {kind}" for name in COMPANY_NAMES for kind in COMPANY_KINDS], companies),
        "book": rng.sample([f"the {start} {end}" for start in BOOK_STARTS for end in BOOK_ENDS], books),
    }
    things: dict[str, Kind] = {name: kind for kind, those in names.items() for name in those}
    facts: dict[tuple[str, str], Fact] = {}
    outdated: list[Fact] = []
    for subject, kind in things.items():
        for relation in RELATIONS.values():
            if relation.subject != kind:
                continue
            before, now = rng.sample([name for name in names[relation.object] if name != subject], 2)
            if rng.random() < changed:
                earlier, later = sorted(rng.sample(range(FIRST_YEAR, LAST_YEAR + 1), 2))
                outdated.append(Fact(subject, relation.name, before, earlier))
                facts[subject, relation.name] = Fact(subject, relation.name, now, later)
            else:
                facts[subject, relation.name] = Fact(subject, relation.name, now)
    return World(MappingProxyType(things), MappingProxyType(facts), tuple(outdated))
