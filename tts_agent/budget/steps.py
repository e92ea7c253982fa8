"""The steps that were answered on a budget, and how many are still to come: what a pace goes by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field, replace
from math import log
from types import MappingProxyType
from typing import Any, Protocol

from tts_agent.budget.amount import Amount
from tts_agent.exceptions import ConfigurationError

LEAST_PRICE = 1e-9
"""Of a token; what is decided at no price counts as this."""


@dataclass(frozen=True, slots=True, order=True)
class ClassTotal:
    """Finished steps of one class, and what they took in all."""

    steps: int = 0
    calls: int = 0
    tokens: int = 0
    log_prices: float = 0.0
    """Sum of the natural logarithms of the prices of a token that they were decided at."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Finished steps by class. A value: every account of a ledger has one, in stores too."""

    done: Mapping[str, ClassTotal] = field(default_factory=lambda: MappingProxyType({}))
    planned: int = 0
    """Length of the whole task, as somebody last said; 0 where nobody did."""
    planned_of: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Likewise by class, where it was said by class: steps of other classes are no part of the plan."""

    @property
    def total(self) -> int:
        """Finished steps of all classes."""
        return sum(each.steps for each in self.done.values())

    @property
    def ahead(self) -> int | None:
        """Steps to come as somebody said, that which begins now included; None where nobody did."""
        if self.planned_of:
            return max(1, sum(self.ahead_of.values()))
        return max(1, self.planned - self.total) if self.planned else None

    @property
    def ahead_of(self) -> Mapping[str, int]:
        """Likewise by class; empty where nobody said so."""
        return {kind: max(0, planned - self._done(kind)) for kind, planned in self.planned_of.items()}

    def saw(self, kind: str, spent: Amount, price: float = 1.0) -> Steps:
        """With one more finished step, decided at this `price` of a token."""
        so_far = self.done.get(kind, ClassTotal())
        more = ClassTotal(
            so_far.steps + 1,
            so_far.calls + spent.calls,
            so_far.tokens + spent.tokens,
            so_far.log_prices + log(max(price, LEAST_PRICE)),
        )
        return replace(self, done=MappingProxyType({**self.done, kind: more}))

    def expecting(self, ahead: int | Mapping[str, int]) -> Steps:
        """With so many steps to come, in all or of each class.

        Raises:
            ConfigurationError: that is no number of steps.
        """
        by_class = ahead if isinstance(ahead, Mapping) else {}
        count = sum(by_class.values()) if isinstance(ahead, Mapping) else ahead
        if min(count, *by_class.values(), 0) < 0:
            raise ConfigurationError(f"{ahead} steps cannot be ahead: give a whole number of at least 0")
        planned_of = {kind: self._done(kind) + each for kind, each in by_class.items()}
        return Steps(self.done, self.total + count, MappingProxyType(planned_of))

    def most(self, other: Steps) -> Steps:
        """What both know together, where both tell of the same task: of each class the larger count."""
        done = dict(self.done)
        for kind, theirs in other.done.items():
            done[kind] = max(done.get(kind, ClassTotal()), theirs)
        planned_of = dict(self.planned_of)
        for kind, planned in other.planned_of.items():
            planned_of[kind] = max(planned_of.get(kind, 0), planned)
        return Steps(MappingProxyType(done), max(self.planned, other.planned), MappingProxyType(planned_of))

    def to_json(self) -> dict[str, Any]:
        """Ready for JSON; `from_json` reads it back."""
        done = {kind: [*astuple(each)] for kind, each in self.done.items()}
        return {"done": done, "planned": self.planned, "planned_of": dict(self.planned_of)}

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Steps:
        """What `to_json` wrote.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        done = {
            str(kind): ClassTotal(int(steps), int(calls), int(tokens), float(log_prices))
            for kind, (steps, calls, tokens, log_prices) in dict(raw["done"]).items()
        }
        planned_of = {str(kind): int(planned) for kind, planned in dict(raw.get("planned_of", {})).items()}
        return cls(MappingProxyType(done), int(raw["planned"]), MappingProxyType(planned_of))

    def _done(self, kind: str) -> int:
        return self.done[kind].steps if kind in self.done else 0


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a budget stands at the moment that a step begins."""

    steps: Steps
    left: int
    """Tokens that steps may still use: the final reserve left out, what is held for calls in flight counted in."""


class Pacer(Protocol):
    """Prices the tokens of a budget so that the steps to come fit in. Pure. `routing.Pace` is one."""

    def price(self, kind: str, call_tokens: int, progress: Progress) -> float:
        """Price of a token, in units of one right step, for a step of class `kind`.

        Args:
            kind: class of the step.
            call_tokens: tokens of its first call, which are spent; 0 where it made none yet.
            progress: without this step.
        """
        ...

    def least_tokens(self, steps: Steps) -> int:
        """Fewest tokens that the steps to come can do with; 0 where nobody knows."""
        ...
