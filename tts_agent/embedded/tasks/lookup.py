"""``lookup``: follow a relation from person to person through a list of facts, most of them beside the point."""

import re
from dataclasses import dataclass
from itertools import pairwise
from random import Random
from typing import ClassVar

from tts_agent.embedded.tasks.base import Derivation, Family, Problem, normalize, rung
from tts_agent.embedded.tasks.words import NAMES


@dataclass(frozen=True, slots=True)
class _Rung:
    hops: int
    facts: int
    lures: int
    """How many of the facts use another relation than the one asked for."""


_LADDER = (
    _Rung(hops=1, facts=4, lures=0),
    _Rung(hops=2, facts=4, lures=0),
    _Rung(hops=2, facts=6, lures=0),
    _Rung(hops=3, facts=8, lures=2),
    _Rung(hops=3, facts=10, lures=3),
    _Rung(hops=4, facts=12, lures=4),
    _Rung(hops=5, facts=15, lures=5),
    _Rung(hops=6, facts=18, lures=7),
    _Rung(hops=7, facts=21, lures=9),
    _Rung(hops=8, facts=24, lures=11),
    _Rung(hops=9, facts=28, lures=12),
    _Rung(hops=10, facts=32, lures=14),
    _Rung(hops=11, facts=36, lures=16),
    _Rung(hops=12, facts=40, lures=18),
)
_RELATIONS = ("likes", "knows", "trusts", "helps")
_NAME, _RELATION = f"({'|'.join(NAMES)})", f"({'|'.join(_RELATIONS)})"
_FACT = re.compile(f"{_NAME} {_RELATION} {_NAME}")
_REQUEST = re.compile(rf"start at {_NAME} and follow {_RELATION} (\d+) times?")


class Lookup(Family):
    """Follow one relation 1 to 12 hops among 4 to 40 facts."""

    name: ClassVar[str] = "lookup"
    levels: ClassVar[int] = len(_LADDER)

    def generate(self, rng: Random, level: int) -> Problem:
        """See `Family.generate`."""
        shape = rung(_LADDER, level)
        asked, lure = rng.sample(_RELATIONS, 2)
        people = rng.sample(NAMES, len(NAMES))
        path = people[: shape.hops + 1]
        # Everybody has at most one target in each relation, or a hop would not be definite.
        subjects = people[: shape.facts - shape.lures]
        facts = [(who, asked, whom) for who, whom in pairwise(path)]
        facts += [(who, asked, _someone_else(rng, who)) for who in subjects[shape.hops :]]
        facts += [(who, lure, _someone_else(rng, who)) for who in rng.sample(people, shape.lures)]
        rng.shuffle(facts)
        listed = " ".join(f"{who.capitalize()} {relation} {whom.capitalize()}." for who, relation, whom in facts)
        times = "time" if shape.hops == 1 else "times"
        question = (
            f"{listed} Start at {path[0].capitalize()} and follow {asked} {shape.hops} {times}. Who is at the end?"
        )
        derivation = _derive(path, asked)
        return Problem(self.name, level, question, derivation.answer, derivation.solution)

    def read(self, question: str) -> Derivation | None:
        """See `Family.read`; None as well where a hop has no fact to follow."""
        parts = [part.strip() for part in normalize(question).split(".")]
        if len(parts) < 3 or parts[-1] != "who is at the end ?":
            return None
        *facts, request, _ = parts
        asked = _REQUEST.fullmatch(request)
        found = [_FACT.fullmatch(fact) for fact in facts]
        if asked is None or None in found:
            return None
        target = {(fact[1], fact[2]): fact[3] for fact in found if fact is not None}
        path = [asked[1]]
        for _ in range(int(asked[3])):
            following = target.get((path[-1], asked[2]))
            if following is None:
                return None
            path.append(following)
        return _derive(path, asked[2])


def _derive(path: list[str], relation: str) -> Derivation:
    hops = tuple(f"{who} {relation} {whom}" for who, whom in pairwise(path))
    return Derivation(hops, path[-1])


def _someone_else(rng: Random, who: str) -> str:
    return rng.choice([name for name in NAMES if name != who])
