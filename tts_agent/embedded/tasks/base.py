"""What every family of problems has in common: the problem, its checker, and the reserved splits.

A *family* writes questions a person could have typed. Its checker starts from the text of a question alone, so
the same code verifies generated problems, replayed ones and a user's own. A worked solution is a line of steps
separated by ``" ; "`` whose last part is ``answer ...``::

    47+38=85 ; 85-19=66 ; answer 66
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from random import Random
from typing import ClassVar, Protocol, TypeVar

STEP_SEPARATOR = " ; "
ANSWER = "answer"

T = TypeVar("T")

_WORDS = re.compile(r"[a-z]+|\d+|[^\sa-z\d]")


def normalize(text: str) -> str:
    """Lower-case ``text`` with exactly one space between words, numbers and punctuation marks."""
    return " ".join(_WORDS.findall(text.lower()))


class Split(StrEnum):
    """A reserved share of all questions; a question belongs to exactly one."""

    TRAIN = "train"
    """80 %: what the shipped weights were trained on."""
    ESTIMATOR = "estimator"
    """8 %: for fitting difficulty estimators."""
    TUNING = "tuning"
    """4 %: for choosing levels, thresholds and temperatures."""
    DEMO = "demo"
    """4 %: shown by the command line's demonstration."""
    TEST = "test"
    """4 %: for final numbers only."""


_UPPER_BOUNDS = ((80, Split.TRAIN), (88, Split.ESTIMATOR), (92, Split.TUNING), (96, Split.DEMO), (100, Split.TEST))


def split_of(question: str) -> Split:
    """Return the split that owns ``question``, by a hash of its normalized text."""
    digest = blake2b(normalize(question).encode(), digest_size=8).digest()
    bucket = int.from_bytes(digest, "big") % 100
    return next(split for bound, split in _UPPER_BOUNDS if bucket < bound)


@dataclass(frozen=True, slots=True)
class Problem:
    """One question with its known solution."""

    family: str
    level: int
    """Rung of the family's ladder, 1 (easiest) to ``Family.levels``."""
    question: str
    answer: str
    """Canonical text of the answer, without the word ``answer``."""
    solution: str
    """A worked solution ending in ``answer ...``; the only right one in every family but ``countdown``."""


class Task(Protocol):
    """A question that was read and can be checked."""

    def right_steps(self, steps: Sequence[str]) -> int:
        """Return how many of the leading ``steps`` are right."""
        ...

    def accepts(self, answer: str) -> bool:
        """Return whether ``answer`` (without the word ``answer``) is right."""
        ...


@dataclass(frozen=True, slots=True)
class Derivation:
    """A task with exactly one right derivation, known from the question."""

    steps: tuple[str, ...]
    answer: str

    def right_steps(self, steps: Sequence[str]) -> int:
        """Count leading steps equal to the derivation's, spacing aside."""
        count = 0
        for given, right in zip(steps, self.steps, strict=False):
            if normalize(given) != normalize(right):
                break
            count += 1
        return count

    def accepts(self, answer: str) -> bool:
        """Compare with the derivation's answer, spacing aside."""
        return normalize(answer) == normalize(self.answer)

    @property
    def solution(self) -> str:
        """The worked solution as the model writes it."""
        return write_solution(self.steps, self.answer)


class Family(ABC):
    """A kind of problem: its ladder of levels, its generator and its reader."""

    name: ClassVar[str]
    levels: ClassVar[int]
    """Number of rungs; levels count from 1."""

    @abstractmethod
    def generate(self, rng: Random, level: int) -> Problem:
        """Return a random problem of ``level``.

        Raises:
            ValueError: ``level`` is not on the ladder.
        """

    @abstractmethod
    def read(self, question: str) -> Task | None:
        """Return the task that ``question`` states, or None if it is not of this family."""


def rung(ladder: Sequence[T], level: int) -> T:
    """Return the entry of ``ladder`` for ``level`` (from 1).

    Raises:
        ValueError: there is no such level.
    """
    if not 1 <= level <= len(ladder):
        raise ValueError(f"level must be 1..{len(ladder)}, got {level}")
    return ladder[level - 1]


def write_solution(steps: Sequence[str], answer: str) -> str:
    """Join ``steps`` and ``answer`` to the line that the model writes."""
    return STEP_SEPARATOR.join((*steps, f"{ANSWER} {answer}"))


def split_solution(text: str) -> tuple[list[str], str | None]:
    """Split ``text`` into its steps and its answer (None when the text ends before one)."""
    parts = [part.strip() for part in text.split(STEP_SEPARATOR.strip())]
    if parts and not parts[-1]:
        parts.pop()
    words = parts[-1].split(maxsplit=1) if parts else []
    if words and words[0].lower() == ANSWER:
        return parts[:-1], words[1] if len(words) > 1 else ""
    return parts, None
