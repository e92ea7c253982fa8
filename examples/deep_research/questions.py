"""Questions of one to five hops about a world, with the answer and the pages that prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from examples.deep_research.corpus import Page, sources
from examples.deep_research.world import RELATIONS, Fact, World

MOST_HOPS = 5


@dataclass(frozen=True, slots=True)
class Question:
    """One question and everything that is known about it."""

    text: str
    start: str
    relations: tuple[str, ...]
    """In the order in which they are followed."""
    path: tuple[Fact, ...]
    """The fact that each hop needs."""
    sources: tuple[tuple[int, ...], ...]
    """Of each hop, the pages any of which proves it."""

    @property
    def answer(self) -> str:
        return self.path[-1].object

    @property
    def hops(self) -> int:
        return len(self.path)


def ask(rng: Random, world: World, pages: Sequence[Page], hops: int) -> Question:
    """A random question of so many hops that does not come back to where it was."""
    while True:
        start = rng.choice(list(world.things))
        relations: list[str] = []
        kind = world.things[start]
        for _ in range(hops):
            relation = rng.choice([each for each in RELATIONS.values() if each.subject == kind])
            relations.append(relation.name)
            kind = relation.object
        path = world.follow(start, relations)
        if len({start, *(fact.object for fact in path)}) == hops + 1:
            proofs = tuple(tuple(sources(pages, fact)) for fact in path)
            return Question(_text(rng, start, relations), start, tuple(relations), tuple(path), proofs)


def ask_many(world: World, pages: Sequence[Page], count: int, seed: int) -> list[Question]:
    """Different questions, as many of each number of hops."""
    rng, found = Random(f"questions {seed}"), dict[str, Question]()
    while len(found) < count:
        question = ask(rng, world, pages, len(found) % MOST_HOPS + 1)
        found.setdefault(f"{question.start} {question.relations}", question)
    return list(found.values())


def _text(rng: Random, start: str, relations: Sequence[str]) -> str:
    words = [rng.choice((name, RELATIONS[name].synonym)) for name in reversed(relations)]
    asked = "who" if RELATIONS[relations[-1]].object == "person" else "what"
    return f"{asked} is the {' of the '.join(words)} of {start} ?"
