"""The pages that tell about a world: short, beside the point for the most part, and sometimes out of date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from random import Random

from examples.deep_research.world import RELATIONS, Fact, World

FILLERS = (
    "not much else is known",
    "the winters are mild",
    "many people say so",
    "there is more to tell",
    "few records remain",
    "it was a good year",
    "nobody knows why",
    "this was long ago",
)
_REPEATED = 0.2
"""Share of the facts that a second page tells too."""
_ON_ARCHIVE = 4
"""Outdated facts on one page of the archive."""


@dataclass(frozen=True, slots=True)
class Page:
    """One document."""

    number: int
    """What citations name it by, from 1."""
    title: str
    text: str
    facts: tuple[Fact, ...]
    """What it tells."""

    def shown(self) -> str:
        """As a reader sees it."""
        return f"[{self.number}] {self.title} : {self.text}"

    def excerpt(self, words: Collection[str]) -> Page:
        """This page cut to the sentence that has most of the words, the first of several."""
        sentences = self.text.removesuffix(" .").split(" . ")
        best = max(sentences, key=lambda sentence: len({*words}.intersection(sentence.split())))
        return Page(self.number, self.title, f"{best} .", tuple(fact for fact in self.facts if best in _ways(fact)))


def write_pages(world: World, seed: int) -> list[Page]:
    """Pages on everything in the world, and an archive of what is out of date.

    What holds is told on the page of its subject or on that of its object, some of it on both, each time in other
    words; what no longer holds is told by the archive and, now and then, by the page of its former object.
    """
    rng = Random(f"pages {seed}")
    told: dict[str, list[Fact]] = defaultdict(list)
    for fact in world.facts.values():
        first, second = rng.sample((fact.subject, fact.object), 2)
        told[first].append(fact)
        if rng.random() < _REPEATED:
            told[second].append(fact)
    archived: list[Fact] = []
    for fact in world.outdated:
        (archived if rng.random() < 0.6 else told[fact.object]).append(fact)
    entries = [(thing, told[thing]) for thing in world.things]
    rng.shuffle(archived)
    entries += [("archive", archived[at : at + _ON_ARCHIVE]) for at in range(0, len(archived), _ON_ARCHIVE)]
    rng.shuffle(entries)
    return [_page(rng, number, title, facts) for number, (title, facts) in enumerate(entries, 1)]


def sources(pages: Sequence[Page], fact: Fact) -> list[int]:
    """Numbers of the pages that tell a fact."""
    return [page.number for page in pages if fact in page.facts]


def _ways(fact: Fact) -> list[str]:
    return [fact.sentence(way) for way in range(len(RELATIONS[fact.relation].sentences))]


def _page(rng: Random, number: int, title: str, facts: Sequence[Fact]) -> Page:
    sentences = [fact.sentence(rng.randrange(6)) for fact in facts]
    sentences += rng.sample(FILLERS, rng.randint(1, 2))
    rng.shuffle(sentences)
    return Page(number, title, " . ".join(sentences) + " .", tuple(facts))
