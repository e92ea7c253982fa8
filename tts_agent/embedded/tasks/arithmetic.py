"""Running totals: the arithmetic under both ``chain`` and ``story``."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

from tts_agent.embedded.tasks.base import Derivation


@dataclass(frozen=True, slots=True)
class Change:
    """One step of a running total."""

    sign: str
    """``+``, ``-`` or ``*``."""
    operand: int


@dataclass(frozen=True, slots=True)
class Walk:
    """How hard a running total is."""

    steps: int
    low: int
    high: int
    """Operands of + and - are usually drawn from ``low..high``."""
    ceiling: int
    """No total exceeds this."""
    times: float
    """Chance that a step multiplies by a single digit, where the ceiling allows it."""


def apply(total: int, change: Change) -> int:
    """Return the total after ``change``."""
    match change.sign:
        case "+":
            return total + change.operand
        case "-":
            return total - change.operand
        case _:
            return total * change.operand


def derive(start: int, changes: Iterable[Change]) -> Derivation:
    """Write out every total from ``start`` on."""
    steps: list[str] = []
    total = start
    for change in changes:
        result = apply(total, change)
        steps.append(f"{total}{change.sign}{change.operand}={result}")
        total = result
    return Derivation(tuple(steps), str(total))


def draw_walk(rng: Random, walk: Walk) -> tuple[int, list[Change]]:
    """Return a start and changes whose totals stay within ``0..walk.ceiling``."""
    start = total = rng.randint(walk.low, walk.high)
    changes: list[Change] = []
    for _ in range(walk.steps):
        change = _draw_change(rng, walk, total)
        changes.append(change)
        total = apply(total, change)
    return start, changes


def _draw_change(rng: Random, walk: Walk, total: int) -> Change:
    factor = rng.randint(2, 9)
    if total > 1 and total * factor <= walk.ceiling and rng.random() < walk.times:
        return Change("*", factor)
    if total > 2 * walk.high and rng.random() < 0.5:
        return Change("-", total - rng.randint(walk.low, walk.high))
    room = min(walk.high, walk.ceiling - total)
    if total >= walk.low and (room < walk.low or rng.random() < 0.5):
        return Change("-", rng.randint(walk.low, min(walk.high, total)))
    return Change("+", rng.randint(walk.low, room))
