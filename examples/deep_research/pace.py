"""Ours: each step gets what it is worth at the price of a token that makes the rest of the research fit the budget.

What every effort costs and brings was measured, by kind of step (`python -m training.measure_research --profile`). A
chain of facts is right when all of them are, so what a step is worth falls with the others' chances. The price is found
anew before every step (`tts_agent.routing.pacing`): what a cheap step saved makes the next ones richer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from examples.deep_research.effort import Effort, Grant, Kind, Outlook
from tts_agent.routing.curves import Expected
from tts_agent.routing.pacing import Pacing, Work

FINDS = (
    Effort("check", draws=1, pages=1, searches=1),
    Effort("check", draws=1, pages=2, searches=1),
    Effort("check", draws=1, pages=3, searches=1),
    Effort("check", draws=1, pages=2, searches=2),
    Effort("check", draws=2, pages=2, searches=2),
    Effort("check", draws=3, pages=2, searches=2),
    Effort("check", draws=3, pages=2, searches=3),
    Effort("check", draws=5, votes=2, pages=3, searches=3),
)
PLANS = tuple(Effort("check", draws=2 * votes + 1, votes=votes) for votes in (1, 2, 3))
WRITES = (Effort("check", draws=1), Effort("check", draws=3))
LADDERS: Mapping[Kind, tuple[Effort, ...]] = {"plan": PLANS, "find": FINDS, "write": WRITES}
"""The efforts that compete, cheapest first."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What an effort cost and brought, on questions that nothing else is measured with."""

    effort: Effort
    cost: float
    """Mean tokens."""
    success: float
    """Share of the steps that came out right."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """The efforts of one kind of step, as a `StepCurve`."""

    rungs: tuple[Measured, ...]

    def at(self, price: float) -> Measured:
        """The effort that is worth the most at a price of a token, in units of a right step."""
        return max(self.rungs, key=lambda rung: (rung.success - price * rung.cost, -rung.cost))

    def __call__(self, price: float) -> Expected:
        best = self.at(price)
        return Expected(best.cost, best.success)

    @property
    def least(self) -> float:
        """Tokens of the cheapest effort."""
        return min(rung.cost for rung in self.rungs)

    def above(self, effort: Effort) -> Ladder | None:
        """What costs more than `effort` and brings more."""
        tried = next((rung for rung in self.rungs if rung.effort == effort), None)
        rungs = [rung for rung in self.rungs if tried and rung.cost > tried.cost and rung.success > tried.success]
        return Ladder(tuple(rungs)) if rungs else None


@dataclass(frozen=True)
class Priced:
    """A `Conduct` that prices every step. What is found must be proven, and there is a report always."""

    ladders: Mapping[Kind, Ladder]
    facts: float = 3.0
    """Facts that a question needs, as long as there is no plan that says so."""
    pacing: Pacing = field(default_factory=lambda: Pacing(reserve=0.0, serial=True))
    verifies: bool = True
    goes_on: bool = True
    always_reports: bool = True

    def grant(self, kind: Kind, outlook: Outlook) -> Grant | None:
        """The effort at the price of the hour, and all tokens but the least that the facts after it need.

        Where that does not leave enough, the chain is too long for the budget: then it is done as far as it goes.
        """
        ladder: Ladder | None = self.ladders[kind]
        if outlook.last is not None:
            ladder = self.ladders[kind].above(outlook.last)
        if ladder is None:
            return None
        find, ahead = self.ladders["find"], {"plan": self.facts, "find": outlook.todo - 1.0, "write": 0.0}[kind]
        plan = self.pacing.solve([Work(ladder), Work(find, ahead)], max(0, outlook.left))
        chosen = ladder.at(plan.prices[0])
        if kind == "write":
            return Grant(chosen.effort)
        free = outlook.left - round(ahead * find.least)
        return Grant(chosen.effort, free if free >= chosen.cost else outlook.left)

    @property
    def least(self) -> int:
        """Tokens that a question of one fact takes at least, as far as can be expected."""
        return round(sum(ladder.least for ladder in self.ladders.values()))


def write_profile(path: Path, measured: Mapping[Kind, Iterable[Measured]]) -> None:
    """Keep what was measured."""
    path.write_text(json.dumps({kind: list(map(asdict, rungs)) for kind, rungs in measured.items()}, indent=1) + "\n")


def read_profile(path: Path, scale: float = 1.0) -> Priced:
    """The conduct from what was measured; `scale` is what another model's tokens are to the measured one's."""
    ladders: dict[Kind, Ladder] = {}
    for kind, rungs in json.loads(path.read_text()).items():
        found = [Measured(Effort(**rung["effort"]), scale * rung["cost"], rung["success"]) for rung in rungs]
        ladders[kind] = Ladder(tuple(found))
    return Priced(ladders)
