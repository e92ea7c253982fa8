"""Training examples drawn on the fly from the train split."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from random import Random

from training.mistakes import spoil
from tts_agent.embedded.chat import feedback, prompt_ids
from tts_agent.embedded.tasks import FAMILIES, STEP_SEPARATOR, Problem, Split, draw, first_wrong_step, split_solution
from tts_agent.embedded.tokenizer import Tokenizer

_FAMILY_WEIGHTS = {"chain": 0.22, "story": 0.16, "lookup": 0.26, "sort": 0.16, "countdown": 0.20}
_REVISION, _CONTINUATION = 0.08, 0.07
_CURRICULUM = 0.15
"""Share of the run after which all levels are drawn."""


@dataclass(frozen=True, slots=True)
class Example:
    """Token ids; the loss counts from index ``start`` on."""

    ids: list[int]
    start: int


class Examples:
    """An endless source of examples that follows the run's progress."""

    def __init__(self, tokenizer: Tokenizer, seed: int) -> None:
        self._tokenizer = tokenizer
        self._rng = Random(seed)
        self.progress = 0.0
        """Share of the run that is done, 0 to 1; levels open up at the beginning."""

    def __iter__(self) -> Iterator[Example]:
        while True:
            yield self._next()

    def _next(self) -> Example:
        problem = self._problem()
        kind = self._rng.random()
        if kind < _REVISION:
            attempt = spoil(self._rng, problem)
            if attempt is not None:
                return self.revision(problem, [attempt], located=self._rng.random() < 0.5)
        elif kind < _REVISION + _CONTINUATION:
            return self.continuation(problem)
        return self.direct(problem)

    def _problem(self) -> Problem:
        names, weights = zip(*_FAMILY_WEIGHTS.items(), strict=True)
        family = self._rng.choices(names, weights)[0]
        levels = FAMILIES[family].levels
        opened = min(1.0, 0.4 + 0.6 * self.progress / _CURRICULUM)
        return draw(self._rng, family, self._rng.randint(1, ceil(levels * opened)), Split.TRAIN)

    def direct(self, problem: Problem) -> Example:
        """Question, then solution."""
        return self._example([problem.question], "", problem.solution)

    def revision(self, problem: Problem, attempts: list[str], *, located: bool) -> Example:
        """Question, wrong attempts each followed by feedback, then solution."""
        turns = [problem.question]
        for attempt in attempts:
            step = first_wrong_step(problem.question, attempt) if located else None
            turns += [attempt, feedback(step)]
        return self._example(turns, "", problem.solution)

    def continuation(self, problem: Problem) -> Example:
        """Question and the first steps of the solution, then its rest."""
        steps, _ = split_solution(problem.solution)
        kept = self._rng.randint(1, len(steps))
        prefix = "".join(step + STEP_SEPARATOR for step in steps[:kept]).rstrip()
        return self._example([problem.question], prefix, problem.solution.removeprefix(prefix))

    def _example(self, turns: list[str], prefix: str, completion: str) -> Example:
        prompt = prompt_ids(self._tokenizer, turns, prefix)
        return Example([*prompt, *self._tokenizer.encode(completion), self._tokenizer.eos], len(prompt))
