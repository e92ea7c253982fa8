"""Five families of problems with exact checkers. Nothing here needs more than the standard library.

Everything a verifier needs is a function of the question's text and the model's text; the known answers of
generated problems are for scoring only.
"""

from collections.abc import Iterator, Mapping
from random import Random
from types import MappingProxyType

from tts_agent.embedded.tasks.base import (
    ANSWER,
    STEP_SEPARATOR,
    Family,
    Problem,
    Split,
    Task,
    normalize,
    split_of,
    split_solution,
    write_solution,
)
from tts_agent.embedded.tasks.chain import Chain
from tts_agent.embedded.tasks.countdown import Countdown
from tts_agent.embedded.tasks.lookup import Lookup
from tts_agent.embedded.tasks.sorting import Sort
from tts_agent.embedded.tasks.story import Story

__all__ = [
    "ANSWER",
    "FAMILIES",
    "STEP_SEPARATOR",
    "Family",
    "Problem",
    "Split",
    "Task",
    "draw",
    "family_of",
    "first_wrong_step",
    "is_correct",
    "normalize",
    "read_question",
    "split_of",
    "split_solution",
    "stream",
    "verified_prefix",
    "write_solution",
]

FAMILIES: Mapping[str, Family] = MappingProxyType(
    {family.name: family for family in (Chain(), Story(), Lookup(), Sort(), Countdown())}
)


def family_of(question: str) -> str | None:
    """Return the name of the family that can read ``question``, or None."""
    return next((family.name for family in FAMILIES.values() if family.read(question) is not None), None)


def read_question(question: str) -> Task:
    """Return the task that ``question`` states.

    Raises:
        ValueError: no family can read the question.
    """
    for family in FAMILIES.values():
        task = family.read(question)
        if task is not None:
            return task
    raise ValueError(f"not a question of {', '.join(FAMILIES)}: {question!r}")


def is_correct(question: str, text: str) -> bool:
    """Return whether ``text`` ends in a right answer to ``question``; its steps are not looked at.

    Raises:
        ValueError: no family can read the question.
    """
    _, answer = split_solution(text)
    return answer is not None and read_question(question).accepts(answer)


def first_wrong_step(question: str, text: str, *, partial: bool = False) -> int | None:
    """Return the first wrong step of ``text``, counted from 1, or None if there is none.

    The answer counts as the last step. A missing answer is a wrong step, unless ``partial`` says that the text
    may end early.

    Raises:
        ValueError: no family can read the question.
    """
    task = read_question(question)
    steps, answer = split_solution(text)
    right = task.right_steps(steps)
    if right < len(steps):
        return right + 1
    if answer is None:
        return None if partial else len(steps) + 1
    return None if task.accepts(answer) else len(steps) + 1


def verified_prefix(question: str, text: str) -> str:
    """Return the leading right steps of ``text`` (never its answer), ready to be continued, or ``""``."""
    steps, _ = split_solution(text)
    right = read_question(question).right_steps(steps)
    return "".join(step + STEP_SEPARATOR for step in steps[:right]).rstrip()


def draw(rng: Random, family: str, level: int, split: Split) -> Problem:
    """Return a random problem that belongs to ``split``."""
    while True:
        problem = FAMILIES[family].generate(rng, level)
        if split_of(problem.question) is split:
            return problem


def stream(rng: Random, family: str, level: int, split: Split) -> Iterator[Problem]:
    """Yield random problems of ``split`` without repeating a question, until a thousand draws bring nothing new."""
    seen: set[str] = set()
    repeats = 0
    while repeats < 1000:
        problem = draw(rng, family, level, split)
        key = normalize(problem.question)
        if key in seen:
            repeats += 1
            continue
        seen.add(key)
        repeats = 0
        yield problem
