"""``story``: the arithmetic of ``chain`` told about people and things, among sentences that change nothing."""

import re
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import ClassVar

from tts_agent.embedded.tasks.arithmetic import Change, Walk, derive, draw_walk
from tts_agent.embedded.tasks.base import Derivation, Family, Problem, normalize, rung
from tts_agent.embedded.tasks.words import HE, NAMES, THINGS


@dataclass(frozen=True, slots=True)
class _Rung:
    walk: Walk
    asides: int
    """Sentences that do not matter."""


_LADDER = (
    _Rung(Walk(steps=1, low=1, high=20, ceiling=40, times=0.0), asides=0),
    _Rung(Walk(steps=1, low=2, high=99, ceiling=198, times=0.0), asides=0),
    _Rung(Walk(steps=2, low=2, high=99, ceiling=198, times=0.1), asides=0),
    _Rung(Walk(steps=3, low=2, high=99, ceiling=198, times=0.1), asides=1),
    _Rung(Walk(steps=4, low=2, high=99, ceiling=400, times=0.1), asides=1),
    _Rung(Walk(steps=5, low=10, high=199, ceiling=999, times=0.1), asides=2),
    _Rung(Walk(steps=7, low=10, high=499, ceiling=999, times=0.15), asides=2),
    _Rung(Walk(steps=9, low=10, high=499, ceiling=999, times=0.2), asides=3),
    _Rung(Walk(steps=11, low=10, high=999, ceiling=1999, times=0.2), asides=4),
    _Rung(Walk(steps=14, low=10, high=999, ceiling=2999, times=0.25), asides=5),
)
_EVENTS = {
    "+": (
        "{hero} buys {n} {thing}",
        "{hero} finds {n} {thing}",
        "{other} gives {hero} {n} {thing}",
        "{hero} gets {n} more {thing}",
    ),
    "-": (
        "{hero} gives {n} {thing} to {other}",
        "{hero} loses {n} {thing}",
        "{hero} sells {n} {thing}",
        "{other} takes {n} {thing} from {hero}",
    ),
    "*": ("now {hero} has {n} times as many {thing}",),
}
_ASIDES = (
    "{other} has {n} {thing}",
    "{other} buys {n} {thing}",
    "{other} loses {n} {stuff}",
    "{hero} sees {n} {stuff}",
    "{hero} buys {n} {stuff}",
)
_OPENING = re.compile(rf"({'|'.join(NAMES)}) has (\d+) ({'|'.join(THINGS)})")


class Story(Family):
    """Somebody has things, gains and loses some 1 to 14 times; how many are left?"""

    name: ClassVar[str] = "story"
    levels: ClassVar[int] = len(_LADDER)

    def generate(self, rng: Random, level: int) -> Problem:
        """See `Family.generate`."""
        shape = rung(_LADDER, level)
        start, changes = draw_walk(rng, shape.walk)
        hero, *others = rng.sample(NAMES, 4)
        thing, *stuff = rng.sample(THINGS, 3)

        def sentence(template: str, number: int) -> str:
            called = hero.capitalize() if rng.random() < 0.3 else _pronoun(hero, template)
            return template.format(
                hero=called, other=rng.choice(others).capitalize(), n=number, thing=thing, stuff=rng.choice(stuff)
            )

        sentences = [sentence(rng.choice(_EVENTS[change.sign]), change.operand) for change in changes]
        for _ in range(shape.asides):
            aside = sentence(rng.choice(_ASIDES), rng.randint(shape.walk.low, shape.walk.high))
            sentences.insert(rng.randint(0, len(sentences)), aside)
        told = " ".join(f"{text[0].upper()}{text[1:]}." for text in sentences)
        name = hero.capitalize()
        question = f"{name} has {start} {thing}. {told} How many {thing} does {name} have now?"
        derivation = derive(start, changes)
        return Problem(self.name, level, question, derivation.answer, derivation.solution)

    def read(self, question: str) -> Derivation | None:
        """See `Family.read`."""
        opening, *sentences = (part.strip() for part in normalize(question).split("."))
        start = _OPENING.fullmatch(opening)
        if start is None or not sentences:
            return None
        hero, thing = start[1], start[3]
        if sentences.pop() != f"how many {thing} does {hero} have now ?":
            return None
        changes: list[Change] = []
        for sentence in sentences:
            change = _read_event(sentence, hero, thing)
            if change is not None:
                changes.append(change)
            elif not any(_pattern(aside, hero, thing).fullmatch(sentence) for aside in _ASIDES):
                return None
        return derive(int(start[2]), changes)


def _pronoun(hero: str, template: str) -> str:
    subject, object_ = ("he", "him") if hero in HE else ("she", "her")
    return object_ if template.startswith("{other}") else subject


def _read_event(sentence: str, hero: str, thing: str) -> Change | None:
    for sign, templates in _EVENTS.items():
        for template in templates:
            found = _pattern(template, hero, thing).fullmatch(sentence)
            if found is not None:
                return Change(sign, int(found["n"]))
    return None


@cache
def _pattern(template: str, hero: str, thing: str) -> re.Pattern[str]:
    others = "|".join(name for name in NAMES if name != hero)
    stuff = "|".join(name for name in THINGS if name != thing)
    return re.compile(
        template.format(
            hero=f"(?:{hero}|he|she|him|her)",
            other=f"(?:{others})",
            n=r"(?P<n>\d+)",
            thing=thing,
            stuff=f"(?:{stuff})",
        )
    )
