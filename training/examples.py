"""Training examples drawn on the fly from the train split."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from random import Random
from typing import Protocol, Self

from training.attempts import Attempted
from training.curriculum import HELD_BACK
from training.mistakes import spoil
from tts_agent.embedded.chat import feedback, prompt_ids
from tts_agent.embedded.tasks import (
    FAMILIES,
    STEP_SEPARATOR,
    Problem,
    Split,
    draw,
    first_wrong_step,
    split_solution,
)
from tts_agent.embedded.tokenizer import Tokenizer

_FAMILY_WEIGHTS = {"chain": 0.26, "story": 0.16, "lookup": 0.26, "sort": 0.14, "countdown": 0.18}
_REVISION, _CONTINUATION = 0.08, 0.07
_OPENING, _OPENED = 0.3, 0.3
"""Share of each ladder that is drawn at the start, and share of the run after which all of it is."""
_FADE, _TILT = 1.2, 0.8
"""Powers of the level in its weight: ``-_FADE`` to 0 in the first stage, ``_TILT`` in the last."""

_OWN_REVISION, _OWN_CONTINUATION = 0.35, 0.15
_LOCATED = 0.75
_ATTEMPTS_SHOWN = (0.8, 0.15, 0.05)
"""How often one, two and three wrong attempts stand before a revision."""
_LONGEST = 1000
"""Tokens; a conversation that would be longer shows one attempt only."""


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids, and where among them what is to be learned stands."""

    ids: list[int]
    learned: Sequence[range]


class Source(Protocol):
    """An endless supply of examples."""

    progress: float
    """Share of the run that is done, 0 to 1; set by the training loop."""

    def __iter__(self) -> Iterator[Example]: ...


class Writer:
    """Writes problems as token ids."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def direct(self, problem: Problem) -> Example:
        """Question, then solution."""
        return self._example([problem.question], "", problem.solution)

    def revision(self, problem: Problem, attempts: Sequence[str], *, located: bool) -> Example:
        """Question, wrong attempts each followed by feedback, then solution."""
        turns = [problem.question]
        for attempt in attempts:
            step = first_wrong_step(problem.question, attempt) if located else None
            turns += [attempt, feedback(step)]
        return self._example(turns, "", problem.solution)

    def continuation(self, problem: Problem, prefix: str) -> Example:
        """Question and ``prefix``, the beginning of the solution; then its rest."""
        return self._example([problem.question], prefix, problem.solution.removeprefix(prefix))

    def _example(self, turns: list[str], prefix: str, completion: str) -> Example:
        prompt = prompt_ids(self._tokenizer, turns, prefix)
        ids = [*prompt, *self._tokenizer.encode(completion), self._tokenizer.eos]
        return Example(ids, [range(len(prompt), len(ids))])


class Generated:
    """Problems of growing difficulty, a few with mistakes made up by rule; in the last stage, more of the hard ones."""

    def __init__(self, tokenizer: Tokenizer, seed: int, *, last_stage: bool = False) -> None:
        self._write = Writer(tokenizer)
        self._rng = Random(seed)
        self._last_stage = last_stage
        self.progress = 0.0

    def __iter__(self) -> Iterator[Example]:
        while True:
            yield self._next()

    def _next(self) -> Example:
        problem = self._problem()
        kind = self._rng.random()
        if kind < _REVISION:
            attempt = spoil(self._rng, problem)
            if attempt is not None:
                return self._write.revision(problem, [attempt], located=self._rng.random() < 0.5)
        elif kind < _REVISION + _CONTINUATION:
            steps, _ = split_solution(problem.solution)
            kept = self._rng.randint(1, len(steps))
            prefix = "".join(step + STEP_SEPARATOR for step in steps[:kept]).rstrip()
            return self._write.continuation(problem, prefix)
        return self._write.direct(problem)

    def _problem(self) -> Problem:
        names, weights = zip(*_FAMILY_WEIGHTS.items(), strict=True)
        family = self._rng.choices(names, weights)[0]
        levels, power = self._levels(family)
        level_weights = [(level + 1) ** power for level in levels]
        return draw(self._rng, family, self._rng.choices(levels, level_weights)[0], Split.TRAIN)

    def _levels(self, family: str) -> tuple[range, float]:
        """Return the rungs to draw from, and the power of the level in its weight."""
        rungs = FAMILIES[family].levels
        if self._last_stage:
            return range(1, rungs + 1), _TILT
        rungs -= HELD_BACK.get(family, 0)
        opened = min(1.0, _OPENING + (1 - _OPENING) * self.progress / _OPENED)
        # Easy problems are short: without extra weight nearly all tokens would be spent on the hardest, whose
        # single steps are learned from the easy ones. The weight fades to none.
        return range(1, ceil(rungs * opened) + 1), _FADE * (self.progress - 1)


class Attempts:
    """Second stage: the model's own attempts, revised after feedback or continued where they were right."""

    def __init__(self, tokenizer: Tokenizer, seed: int, attempted: Sequence[Attempted]) -> None:
        self._write = Writer(tokenizer)
        self._rng = Random(seed)
        self._failed = [item for item in attempted if any(a.wrong_at is not None for a in item.attempts)]
        self._begun = [
            item for item in self._failed if any(_useful_prefix(item.problem, a.prefix) for a in item.attempts)
        ]
        self._direct = Generated(tokenizer, seed, last_stage=True)
        self.progress = 0.0

    @classmethod
    def read(cls, path: Path, tokenizer: Tokenizer, seed: int) -> Self:
        """From a file of attempts."""
        with path.open(encoding="utf-8") as file:
            return cls(tokenizer, seed, [Attempted.read(line) for line in file])

    def __iter__(self) -> Iterator[Example]:
        for direct in self._direct:
            kind = self._rng.random()
            if kind < _OWN_REVISION:
                yield self._revision()
            elif kind < _OWN_REVISION + _OWN_CONTINUATION:
                yield self._continuation()
            else:
                yield direct

    def _revision(self) -> Example:
        item = self._rng.choice(self._failed)
        wrong = [attempt.text for attempt in item.attempts if attempt.wrong_at is not None]
        shown = self._rng.choices((1, 2, 3), _ATTEMPTS_SHOWN)[0]
        chosen = self._rng.sample(wrong, min(shown, len(wrong)))
        located = self._rng.random() < _LOCATED
        example = self._write.revision(item.problem, chosen, located=located)
        if len(example.ids) > _LONGEST:
            example = self._write.revision(item.problem, chosen[:1], located=located)
        return example

    def _continuation(self) -> Example:
        item = self._rng.choice(self._begun)
        prefixes = [a.prefix for a in item.attempts if _useful_prefix(item.problem, a.prefix)]
        return self._write.continuation(item.problem, self._rng.choice(prefixes))


def _useful_prefix(problem: Problem, prefix: str) -> bool:
    """Whether the known solution goes on from ``prefix``; in ``countdown`` another one may."""
    return bool(prefix) and problem.solution.startswith(prefix)
