"""From what arms did on items to what is known of each class: knee, turn-over, fix and break rates, profile."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np

from tts_agent.learning.class_profiles import class_profiles
from tts_agent.learning.profile_arms import LADDERS, SINGLE, ProfiledArm
from tts_agent.learning.profiling import Measured
from tts_agent.probability import Beta
from tts_agent.routing import ClassProfile
from tts_agent.routing.knee import Floats, Knee, best_set, knee
from tts_agent.verifiers import AcceptRates

Winner = Literal["one call", "parallel", "sequential", "undecided"]
"""Of which kind every arm is that may be the best at the price; undecided: they are of several."""

LEAST_FOR_BINS = 30
"""Items of a class below which it is not cut into thirds by difficulty."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What one more round of refinement did to answers."""

    fixed: int = 0
    wrong: int = 0
    """Rounds that began with a wrong answer."""
    broken: int = 0
    right: int = 0
    """Rounds that began with a right one, which the verifier had rejected."""

    @property
    def fix_rate(self) -> Beta:
        """P(right after a round | wrong before), from Jeffreys' prior."""
        return Beta(self.fixed + 0.5, self.wrong - self.fixed + 0.5)

    @property
    def break_rate(self) -> Beta:
        """P(wrong after a round | right before), likewise."""
        return Beta(self.broken + 0.5, self.right - self.broken + 0.5)


@dataclass(frozen=True, slots=True)
class Slice:
    """Items of one class, or of one difficulty within it."""

    name: str
    items: int
    ladders: Mapping[str, Knee]
    """By strategy; each begins with one call."""
    winner: Winner
    turns: Turns | None
    """None where nothing was refined."""
    rates: AcceptRates | None
    """None where nothing verifies."""


@dataclass(frozen=True, slots=True)
class ClassReport:
    """What is known of a class of steps."""

    whole: Slice
    bins: tuple[Slice, ...]
    """By predicted difficulty, hardest first; empty without an estimator, or with few items."""
    profile: ClassProfile

    @property
    def kind(self) -> str:
        """The class."""
        return self.whole.name


def fit(
    measured: Sequence[Measured],
    arms: Sequence[ProfiledArm],
    price: float,
    predicted: Mapping[str, float] | None = None,
) -> list[ClassReport]:
    """One report a class, in the order of their names.

    Args:
        price: of a token, in correct answers: where the knees are.
        predicted: pass@1 by id of the item, from an estimator; without it there are no bins.
    """
    kinds = sorted({each.item.kind for each in measured})
    classes = {kind: [each for each in measured if each.item.kind == kind] for kind in kinds}
    profiles = class_profiles({kind: [each.votes for each in own] for kind, own in classes.items()})
    reports = []
    for kind, own in classes.items():
        whole = _slice(kind, own, arms, price)
        bins = tuple(_slice(name, part, arms, price) for name, part in _thirds(own, predicted or {}))
        reports.append(ClassReport(whole, bins, _held(profiles[kind], whole)))
    return reports


def _thirds(own: Sequence[Measured], predicted: Mapping[str, float]) -> Iterable[tuple[str, list[Measured]]]:
    known = sorted((each for each in own if each.item.id in predicted), key=lambda each: predicted[each.item.id])
    if len(known) < LEAST_FOR_BINS:
        return
    cuts = [round(len(known) * share / 3) for share in range(4)]
    for name, (start, end) in zip(("hard", "middle", "easy"), pairwise(cuts), strict=True):
        low, high = (predicted[known[at].item.id] for at in (start, end - 1))
        yield f"{name} ({low:.2f}-{high:.2f})", known[start:end]


def _slice(name: str, own: Sequence[Measured], arms: Sequence[ProfiledArm], price: float) -> Slice:
    there = [arm for arm in arms if all(arm.name in each.arms for each in own)]
    first = next(arm for arm in there if arm.ladder == SINGLE)
    ladders = {}
    for ladder in dict.fromkeys(arm.ladder for arm in there if arm is not first):
        rungs = [first, *(arm for arm in there if arm.ladder == ladder)]
        ladders[ladder] = knee([arm.name for arm in rungs], *_tables(own, rungs), price=price)
    refined = [arm for arm in there if arm.ladder == LADDERS[2]]
    rates = sum((each.rates for each in own), AcceptRates())
    return Slice(
        name,
        len(own),
        ladders,
        _winner(own, there, price),
        _turns(own, [first, *refined]) if refined else None,
        rates if rates != AcceptRates() else None,
    )


def _tables(own: Sequence[Measured], arms: Sequence[ProfiledArm]) -> tuple[Floats, Floats]:
    """(arms, items): right or wrong, and tokens."""
    results = [[each.arms[arm.name] for each in own] for arm in arms]
    correct = np.array([[result.correct for result in row] for row in results], dtype=np.float64)
    return correct, np.array([[result.tokens for result in row] for row in results], dtype=np.float64)


def _winner(own: Sequence[Measured], arms: Sequence[ProfiledArm], price: float) -> Winner:
    correct, tokens = _tables(own, arms)
    kinds = {_kind(arms[place]) for place in best_set(correct - price * tokens)}
    return kinds.pop() if len(kinds) == 1 else "undecided"


def _kind(arm: ProfiledArm) -> Winner:
    return "one call" if arm.ladder == SINGLE else "sequential" if arm.sequential else "parallel"


def _turns(own: Sequence[Measured], arms: Sequence[ProfiledArm]) -> Turns:
    """Of neighbouring numbers of rounds, where the further round was made."""
    made = [
        (each.arms[before.name].correct, each.arms[after.name].correct)
        for each in own
        for before, after in pairwise(arms)
        if each.arms[after.name].drawn > each.arms[before.name].drawn
    ]
    return Turns(
        fixed=made.count((False, True)),
        wrong=sum(not before for before, _ in made),
        broken=made.count((True, False)),
        right=sum(before for before, _ in made),
    )


def _held(profile: ClassProfile, whole: Slice) -> ClassProfile:
    """What a router reads. It is held to a turn-over only where one was found, at the upper end of its interval."""
    turns = whole.turns or Turns()
    return replace(
        profile,
        fix_rate=round(turns.fixed / turns.wrong, 3) if turns.wrong else 0.0,
        most_samples=_most(whole.ladders.get(LADDERS[0]), least=1),
        most_rounds=_most(whole.ladders.get(LADDERS[2]), least=0),
    )


def _most(found: Knee | None, *, least: int) -> int | None:
    if found is None or not found.turns_over:
        return None
    name = found.rungs[found.top.high].name
    return least if name == SINGLE else int(name.rpartition(" ")[2])
