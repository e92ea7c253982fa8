"""Ours: each step gets what it is worth at the price of a token that makes the rest of the research fit the budget.

What every effort costs and brings was measured, by kind of step (`python -m training.measure_research --profile`). A
chain of facts is right when all of them are, so what a step is worth falls with the others' chances. The price is found
anew before every step (`tts_agent.routing.Pace`): what a cheap step saved makes the next ones richer.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from examples.deep_research.effort import CLASSES, Effort, Grant, Kind, Outlook
from tts_agent.difficulty import SampleSignals, StepText
from tts_agent.probability import Beta
from tts_agent.routing import Pace, Pacing
from tts_agent.routing.curves import Expected

FINDS = (
    Effort("check", draws=1, pages=10, strict=True, searches=1),
    Effort("check", draws=1, pages=10, strict=True, searches=2),
    Effort("check", draws=1, pages=10, strict=True, searches=2, checks=1),
    Effort("check", draws=1, pages=10, strict=True, searches=2, queries=2),
    Effort("check", draws=3, pages=10, strict=True, searches=2, queries=2),
    Effort("check", draws=5, pages=10, strict=True, searches=3, checks=1),
    Effort("check", draws=5, votes=2, pages=10, strict=True, searches=3, checks=1),
    Effort("check", draws=3, pages=3, searches=3),
)
PLANS = tuple(Effort("check", draws=2 * votes + 1, votes=votes) for votes in (1, 2, 3))
WRITES = (Effort("check", draws=1), Effort("check", draws=3))
LADDERS: Mapping[Kind, tuple[Effort, ...]] = {"plan": PLANS, "find": FINDS, "write": WRITES}
"""The efforts that compete, cheapest first."""

MEASURED_WITH = 40.0
"""Questions of each kind, at least: how sure the measured rates are."""


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

    def less(self, tokens: int) -> Ladder:
        """As if so many tokens of each effort had been paid for."""
        return Ladder(tuple(replace(rung, cost=max(0.0, rung.cost - tokens)) for rung in self.rungs))

    def above(self, effort: Effort) -> Ladder | None:
        """What costs more than `effort` and brings more."""
        tried = next((rung for rung in self.rungs if rung.effort == effort), None)
        rungs = [rung for rung in self.rungs if tried and rung.cost > tried.cost and rung.success > tried.success]
        return Ladder(tuple(rungs)) if rungs else None


@dataclass(frozen=True, slots=True)
class PassRates:
    """A difficulty estimator that knows the class of a step and no more."""

    rates: Mapping[str, float]

    def predict(self, steps: Sequence[StepText]) -> Sequence[Beta]:
        """See `Estimator.predict`."""
        return [Beta.of(min(max(self.rates[step.kind], 0.02), 0.98), MEASURED_WITH) for step in steps]

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        """The sample says nothing about it."""
        return difficulty


@dataclass(frozen=True)
class Priced:
    """A `Conduct` that prices every step. What is found must be proven, and there is a report always."""

    ladders: Mapping[Kind, Ladder]
    facts: int = 3
    """Facts that a question needs, as long as there is no plan that says so."""
    verifies: bool = True
    goes_on: bool = True
    always_reports: bool = True

    @property
    def least(self) -> int:
        """Tokens of a plan and one search, as far as can be expected: the report can be put together from notes."""
        return round(self.ladders["plan"].least + self.ladders["find"].least)

    @property
    def pass_rates(self) -> PassRates:
        """Predicts of each class of turns what one sample of it was measured to bring."""
        plan, find, write = (self.ladders[kind].rungs[0].success for kind in ("plan", "find", "write"))
        return PassRates({"plan": plan, "synthesis": write, "query writing": find, "reading": find, "check": find})

    def reserve(self, tokens: int, report: int) -> int:
        """Kept for the model's report, unless that would leave too little to find anything out."""
        return report if tokens >= self.least + self.ladders["write"].least else 0

    def pace(self, reserve: int) -> Pace:
        """The library's, from what was measured; what the final reserve pays for is not counted twice."""
        curves = {CLASSES[kind]: ladder for kind, ladder in self.ladders.items()}
        curves[CLASSES["write"]] = self.ladders["write"].less(reserve)
        return Pace(curves=curves, pacing=Pacing(reserve=0.0, serial=True))

    def ahead(self, kind: Kind, outlook: Outlook) -> Mapping[str, int]:
        """A plan, if it is that which begins, the searches, and a report by the model where there is room for one."""
        finds = self.facts if kind == "plan" else outlook.todo
        steps: dict[Kind, int] = {"plan": int(kind == "plan"), "find": finds, "write": int(self._writes(outlook))}
        return {CLASSES[step]: count for step, count in steps.items()}

    def grant(self, kind: Kind, outlook: Outlook) -> Grant | None:
        """The effort that is worth the most at the price of the hour.

        A search may take all that is left but the report's tokens: what comes after it hangs on what it finds. Only
        where the chain is too long for that, it is done as far as it goes.
        """
        ladder: Ladder | None = self.ladders[kind]
        if outlook.last is not None:
            ladder = self.ladders[kind].above(outlook.last)
        if ladder is None:
            return None
        chosen = ladder.at(outlook.price)
        if kind == "write":
            return Grant(chosen.effort, price=outlook.price)
        report = outlook.report if self._writes(outlook) else 0
        return Grant(chosen.effort, outlook.left - report, outlook.price)

    def _writes(self, outlook: Outlook) -> bool:
        """Whether what is left pays for a report by the model and for all searches before it."""
        return outlook.left >= outlook.report + outlook.todo * self.ladders["find"].least


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
