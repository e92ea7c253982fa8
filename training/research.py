"""Training examples of the research model: worlds of its own, the pages about them, and how to search them.

No world that the example or its tests ask about is among them: seeds from `FIRST_SEED` on are for training.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from operator import itemgetter
from random import Random

from examples.deep_research import language
from examples.deep_research.corpus import FILLERS, Page, write_pages
from examples.deep_research.index import Index
from examples.deep_research.language import IT, Hop, Note
from examples.deep_research.questions import MOST_HOPS, Question, ask
from examples.deep_research.words import (
    BOOK_ENDS,
    BOOK_STARTS,
    COMPANY_KINDS,
    COMPANY_NAMES,
    FIRST_NAMES,
    SURNAMES,
    TOWNS,
)
from examples.deep_research.world import LAST_YEAR, RELATIONS, World, make_world
from training.examples import Example
from training.vocabulary import vocabulary
from tts_agent.embedded.tokenizer import Tokenizer

FIRST_SEED = 1_000_000
_FROM_ONE_WORLD = 600
"""Examples before the next world."""
_PLAN, _WRITE = 0.15, 0.15
_INCOMPLETE = 0.15
"""Share of the reports whose last fact was not found."""
RESULTS = 3


class Research:
    """Plans, searches and reports. See `Source`."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self._tokenizer = tokenizer
        self._rng = Random(seed)
        self.progress = 0.0

    def __iter__(self) -> Iterator[Example]:
        while True:
            seed = self._rng.randrange(FIRST_SEED, 2**62)
            world = make_world(seed)
            pages = write_pages(world, seed)
            index = Index(pages)
            for _ in range(_FROM_ONE_WORLD):
                yield self._example(world, pages, index)

    def _example(self, world: World, pages: Sequence[Page], index: Index) -> Example:
        kind = self._rng.random()
        if kind < _PLAN + _WRITE:
            question = ask(self._rng, world, pages, self._rng.randint(1, MOST_HOPS))
            if kind < _PLAN:
                return self._written([language.plan_prompt(question.text), language.plan_text(hops_of(question))])
            return self._written(self._report(question))
        fact = self._rng.choice(list(world.facts.values()))
        most = self._rng.choice((1, 2, RESULTS, RESULTS))
        return self._written(search(fact.subject, fact.relation, index, most))

    def _report(self, question: Question) -> list[str]:
        notes = [
            Note(Hop(fact.relation, fact.subject), fact.object, self._rng.choice(pages or (self._rng.randint(1, 300),)))
            for fact, pages in zip(question.path, question.sources, strict=True)
        ]
        if self._rng.random() >= _INCOMPLETE:
            return [
                language.write_prompt(question.text, notes),
                language.report_text(question.answer, notes),
            ]
        known = notes[: self._rng.randrange(len(notes))]
        return [
            language.write_prompt(question.text, known),
            language.report_text(None, known, notes[len(known)].hop),
        ]

    def _written(self, turns: Sequence[str]) -> Example:
        """Turns of others and of the model, which learns its own."""
        tokenizer = self._tokenizer
        ids, learned = [tokenizer.bos], []
        for place, text in enumerate(turns):
            ids.append(tokenizer.assistant if place % 2 else tokenizer.user)
            start = len(ids)
            ids += tokenizer.encode(text)
            if place % 2:
                ids.append(tokenizer.eos)
                learned.append(range(start, len(ids)))
        return Example(ids, learned)


def word_list() -> list[str]:
    """The vocabulary of the research model."""
    sentences = [sentence for relation in RELATIONS.values() for sentence, _ in relation.sentences]
    asked = [word for relation in RELATIONS.values() for word in (relation.name, relation.synonym)]
    hop = Hop("employer", IT)
    said = [
        *(language.plan_prompt("who what is the of ?"), language.find_prompt(hop), language.search_text("", "")),
        *(language.found_text(None, None), language.results_text([]), language.write_prompt("", [])),
        *(language.report_text(None, [], hop), "since archive", *FILLERS, *sentences, *asked),
    ]
    names = (*FIRST_NAMES, *SURNAMES, *TOWNS, *COMPANY_NAMES, *COMPANY_KINDS, *BOOK_STARTS, *BOOK_ENDS)
    return vocabulary([*names, *re.findall(r"[a-z]+", " ".join(said).replace("{s}", "").replace("{o}", ""))], "[]")


def hops_of(question: Question) -> list[Hop]:
    """The plan of a question."""
    subjects = [question.start, *[IT] * (question.hops - 1)]
    return [Hop(relation, subject) for relation, subject in zip(question.relations, subjects, strict=True)]


def search(subject: str, relation: str, index: Index, most: int = RESULTS) -> list[str]:
    """How to find a fact: one way to say it after the other, until one is seen that was never otherwise; of several
    that have been otherwise, the latest."""
    turns = [language.find_prompt(Hop(relation, subject))]
    seen: list[tuple[int, str, int]] = []
    for _, word in RELATIONS[relation].sentences:
        pages = index.search(f"{subject} {word}", most)
        turns += [language.search_text(subject, word), language.results_text(pages)]
        seen += [
            (fact.year or LAST_YEAR + 1, fact.object, page.number)
            for page in pages
            for fact in page.facts
            if (fact.subject, fact.relation) == (subject, relation)
        ]
        if any(year > LAST_YEAR for year, _, _ in seen):
            break
    latest = max(seen, key=itemgetter(0), default=None)  # the first of several
    return [*turns, language.found_text(*latest[1:]) if latest else language.found_text(None, None)]
