"""Effects: what a strategy, verifier or reasoner may ask for. A flow yields them; the driver performs them.

A flow is a generator that yields effects, is sent their replies and returns its result. It never awaits, so
one flow serves sync and async callers, replays recorded samples, and is testable with next() and send().
The functions below are typed doors to the effects: `batch = yield from generate(request, 3)`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from tts_agent.budget import BudgetView
from tts_agent.events import Event
from tts_agent.sampling import SampleBatch, SampleRequest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Generate:
    """Draw samples. Reply: a `SampleBatch` of 0 to n samples; short when the budget or a call failed."""

    request: SampleRequest
    n: int
    final: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """Run a blocking function (an encoder, a checker) off the event loop. Reply: what it returns."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Together:
    """Run flows concurrently. Reply: their results, in order. The first exception cancels the rest."""

    flows: tuple[Flow[Any], ...]


@dataclass(frozen=True, slots=True)
class FirstOf:
    """Run flows concurrently until `enough(results so far)`; the others are cancelled, and their calls in flight
    charged in full, as any call that is interrupted. Reply: the results that came, in the order in which they came;
    all of them where it was never enough. The first exception cancels the rest.
    """

    flows: tuple[Flow[Any], ...]
    enough: Callable[[Sequence[Any]], bool]


@dataclass(frozen=True, slots=True)
class Balance:
    """Look at the budget, for a step of class `kind` whose first call took `call_tokens` (0: there was none yet).
    Reply: a `BudgetView`."""

    kind: str = ""
    call_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """Add an event to the trace. Reply: None."""

    event: Event


Effect = Generate | Call | Together | FirstOf | Balance | Record
Flow = Generator[Effect, Any, T]


def generate(request: SampleRequest, n: int, *, final: bool = False) -> Flow[SampleBatch]:
    """Draw up to `n` samples; `n` < 1 draws none."""
    if n < 1:
        return SampleBatch()
    return cast(SampleBatch, (yield Generate(request, n, final)))


def call(function: Callable[[], T]) -> Flow[T]:
    """Run a blocking function off the event loop."""
    return cast(T, (yield Call(function)))


def together(*flows: Flow[T]) -> Flow[tuple[T, ...]]:
    """Run flows concurrently; results in order."""
    return cast("tuple[T, ...]", (yield Together(flows)))


def first_of(*flows: Flow[T], enough: Callable[[Sequence[T]], bool]) -> Flow[tuple[T, ...]]:
    """Run flows concurrently until `enough(results so far)`; results in the order in which they came."""
    return cast("tuple[T, ...]", (yield FirstOf(flows, enough)))


def balance(kind: str = "", call_tokens: int = 0) -> Flow[BudgetView]:
    """What is left of the budget, and what its pace makes of that for a step; see `Balance`."""
    return cast(BudgetView, (yield Balance(kind, call_tokens)))


def record(event: Event) -> Flow[None]:
    """Add an event to the trace."""
    yield Record(event)
