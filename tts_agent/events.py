"""Trace records: what was decided, drawn, verified and refused, and why. Values only, ready for JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tts_agent.sampling import Usage


@dataclass(frozen=True, slots=True)
class Estimated:
    """The estimator's belief about pass@1 of the step, before (stage 1) or after (2) the first call."""

    stage: int
    mean: float
    low: float
    high: float
    """Ends of the central 90 % interval."""


@dataclass(frozen=True, slots=True)
class Decided:
    """The policy chose a strategy."""

    strategy: str
    price: float
    """Price of a token, in units of one correct answer."""
    reason: str
    values: dict[str, float]
    """Expected value of each strategy that was considered, net of its price."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """One request came back."""

    asked: int
    granted: int
    """Samples the budget granted; fewer than asked when it was short."""
    received: int
    max_tokens: int
    usage: Usage
    charged: int
    """Tokens the ledger charged: usage plus what nobody could account for."""
    longest: int
    """Output tokens of the longest sample: what a caller waited for, the samples being drawn together."""
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """The budget had no room for a call."""

    reason: str
    least: int | None = None
    """Tokens of the smallest budget that would have done, where nothing of this one was used."""


@dataclass(frozen=True, slots=True)
class Verified:
    """A verifier judged samples."""

    verifier: str
    scores: tuple[float, ...]
    accepted: int


@dataclass(frozen=True, slots=True)
class Retried:
    """A failed call was tried again after a pause."""

    reason: str
    wait_seconds: float


Event = Estimated | Decided | Drawn | Refused | Verified | Retried


def to_dict(event: Event) -> dict[str, Any]:
    """The event as JSON-ready data, with its type under "event"."""
    return {"event": type(event).__name__.lower(), **asdict(event)}
