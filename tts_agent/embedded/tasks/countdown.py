"""``countdown``: make a target from a few numbers. Hard to find, easy to check, and many answers are right."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from tts_agent.embedded.tasks.arithmetic import Change, apply
from tts_agent.embedded.tasks.base import Family, Problem, normalize, rung, write_solution


@dataclass(frozen=True, slots=True)
class _Rung:
    numbers: int
    used: int
    """How many of the numbers the generated solution uses."""
    high: int
    ceiling: int
    signs: str


_LADDER = (
    _Rung(numbers=3, used=2, high=20, ceiling=40, signs="+-"),
    _Rung(numbers=3, used=3, high=20, ceiling=60, signs="+-"),
    _Rung(numbers=3, used=3, high=12, ceiling=99, signs="+-*"),
    _Rung(numbers=4, used=3, high=12, ceiling=99, signs="+-*"),
    _Rung(numbers=4, used=4, high=12, ceiling=99, signs="+-*"),
    _Rung(numbers=4, used=4, high=25, ceiling=250, signs="+-*"),
    _Rung(numbers=5, used=5, high=12, ceiling=250, signs="+-*"),
    _Rung(numbers=5, used=5, high=25, ceiling=999, signs="+-*"),
)
_QUESTION = re.compile(
    r"use (?:the numbers )?((?:\d+ , )*\d+ and \d+) to make (\d+) \.(?: use each number at most once \.)?"
)
_STEP = re.compile(r"(\d+) ([-+*]) (\d+) = (\d+)")


@dataclass(frozen=True, slots=True)
class Target:
    """The question, read: each of ``numbers`` may be used once to make ``value``."""

    numbers: tuple[int, ...]
    value: int

    def right_steps(self, steps: Sequence[str]) -> int:
        """Count leading steps that are true and use only numbers still at hand. A dead end is not an error."""
        at_hand = Counter(self.numbers)
        for count, step in enumerate(steps):
            match = _STEP.fullmatch(normalize(step))
            if match is None:
                return count
            left, right, result = int(match[1]), int(match[3]), int(match[4])
            used = Counter((left, right))
            if not used <= at_hand or apply(left, Change(match[2], right)) != result:
                return count
            at_hand = at_hand - used + Counter((result,))
        return len(steps)

    def accepts(self, answer: str) -> bool:
        """Return whether the expression ``answer`` uses allowed numbers and is worth ``value``."""
        try:
            value, leaves = _Expression(normalize(answer).split()).evaluate()
        except _NoExpressionError:
            return False
        return value == self.value and Counter(leaves) <= Counter(self.numbers)


class Countdown(Family):
    """Make a number from 3 to 5 others with +, - and *."""

    name: ClassVar[str] = "countdown"
    levels: ClassVar[int] = len(_LADDER)

    def generate(self, rng: Random, level: int) -> Problem:
        """See `Family.generate`."""
        shape = rung(_LADDER, level)
        while True:
            numbers = [rng.randint(1, shape.high) for _ in range(shape.numbers)]
            drawn = _draw_solution(rng, shape, rng.sample(numbers, shape.used))
            if drawn is not None and drawn[2] not in numbers:
                break
        steps, expression, value = drawn
        listed = f"{', '.join(map(str, numbers[:-1]))} and {numbers[-1]}"
        question = f"Use {listed} to make {value}. Use each number at most once."
        return Problem(self.name, level, question, expression, write_solution(steps, expression))

    def read(self, question: str) -> Target | None:
        """See `Family.read`."""
        match = _QUESTION.fullmatch(normalize(question))
        if match is None:
            return None
        return Target(tuple(int(number) for number in re.findall(r"\d+", match[1])), int(match[2]))


def _draw_solution(rng: Random, shape: _Rung, numbers: list[int]) -> tuple[list[str], str, int] | None:
    """Combine ``numbers`` from left to right; None when a total leaves ``0..ceiling`` or a step changes nothing."""
    total, *rest = numbers
    expression, steps = str(total), list[str]()
    for count, number in enumerate(rest):
        change = Change(rng.choice(shape.signs), number)
        result = apply(total, change)
        if not 0 < result <= shape.ceiling or result == total:
            return None
        inner = f"({expression})" if count else expression
        expression = f"{inner}{change.sign}{number}"
        steps.append(f"{total}{change.sign}{number}={result}")
        total = result
    return steps, expression, total


class _NoExpressionError(ValueError):
    """The text is not an arithmetic expression."""


class _Expression:
    """Recursive descent over ``+ - * ( )`` and whole numbers, with the usual precedence."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0
        self._leaves: list[int] = []

    def evaluate(self) -> tuple[int, list[int]]:
        """Return the value and the numbers used.

        Raises:
            _NoExpressionError: the words are not one complete expression.
        """
        value = self._sum()
        if self._at != len(self._words):
            raise _NoExpressionError
        return value, self._leaves

    def _sum(self) -> int:
        value = self._product()
        while self._peek() in {"+", "-"}:
            value = apply(value, Change(self._take(), self._product()))
        return value

    def _product(self) -> int:
        value = self._atom()
        while self._peek() == "*":
            self._take()
            value *= self._atom()
        return value

    def _atom(self) -> int:
        word = self._take()
        if word == "(":
            value = self._sum()
            if self._take() != ")":
                raise _NoExpressionError
            return value
        if not word.isdecimal():
            raise _NoExpressionError
        self._leaves.append(int(word))
        return int(word)

    def _peek(self) -> str:
        return self._words[self._at] if self._at < len(self._words) else ""

    def _take(self) -> str:
        word = self._peek()
        self._at += 1
        return word
