"""``sort``: put numbers in order, one number a step."""

import re
from random import Random
from typing import ClassVar

from tts_agent.embedded.tasks.base import Derivation, Family, Problem, normalize, rung

_LADDER = ((3, 99), (4, 99), (5, 99), (6, 99), (7, 999), (8, 999), (10, 999), (12, 999), (14, 999), (16, 999))
"""(how many numbers, the largest possible one) by level."""
_UP, _DOWN = "from small to large", "from large to small"
_QUESTION = re.compile(rf"sort (?:these numbers )?({_UP}|{_DOWN}) : ((?:\d+ , )*\d+) \.?")


class Sort(Family):
    """Sort 3 to 16 different numbers, upwards or downwards."""

    name: ClassVar[str] = "sort"
    levels: ClassVar[int] = len(_LADDER)

    def generate(self, rng: Random, level: int) -> Problem:
        """See `Family.generate`."""
        count, largest = rung(_LADDER, level)
        numbers = rng.sample(range(10, largest + 1), count)
        order = rng.choice((_UP, _DOWN))
        question = f"Sort these numbers {order}: {', '.join(map(str, numbers))}."
        derivation = _derive(numbers, order)
        return Problem(self.name, level, question, derivation.answer, derivation.solution)

    def read(self, question: str) -> Derivation | None:
        """See `Family.read`."""
        match = _QUESTION.fullmatch(normalize(question))
        if match is None:
            return None
        return _derive([int(number) for number in match[2].split(" , ")], match[1])


def _derive(numbers: list[int], order: str) -> Derivation:
    ordered = tuple(str(number) for number in sorted(numbers, reverse=order == _DOWN))
    return Derivation(ordered, ", ".join(ordered))
