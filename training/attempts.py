"""Collects the model's own attempts on train problems: ``python -m training.attempts FOLDER ATTEMPTS.jsonl``.

Mistakes made up by rule are not the model's mistakes; revision and continuation are learned from these instead.
"""

import argparse
import json
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a process per core is the better use

from training.curriculum import HELD_BACK
from tts_agent.embedded.chat import prompt_ids
from tts_agent.embedded.generation import DEFAULT_TEMPERATURE, Sampling, generate
from tts_agent.embedded.model import LanguageModel
from tts_agent.embedded.tasks import FAMILIES, Problem, Split, draw, first_wrong_step, verified_prefix
from tts_agent.embedded.tokenizer import Tokenizer

_PER_PROBLEM = 8
_PER_JOB = 50
_MAX_TOKENS = 320


@dataclass(frozen=True, slots=True)
class Attempt:
    """What the model wrote, checked."""

    text: str
    wrong_at: int | None
    """First wrong step, counted from 1; None if it is right."""
    prefix: str
    """Its leading right steps."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """A problem with attempts at it."""

    problem: Problem
    attempts: tuple[Attempt, ...]

    @classmethod
    def read(cls, line: str) -> "Attempted":
        """Parse one line of the file that `collect` writes."""
        raw: dict[str, Any] = json.loads(line)
        return cls(Problem(**raw["problem"]), tuple(Attempt(**attempt) for attempt in raw["attempts"]))


def collect(folder: Path, out: Path, *, problems: int, seed: int, processes: int = 2) -> None:
    """Attempt ``problems`` problems, families and levels in equal shares, and write one JSON object a line."""
    jobs = [(folder, seed + job) for job in range(0, problems, _PER_JOB)]
    with ProcessPoolExecutor(processes) as pool, out.open("w", encoding="utf-8") as file:
        for lines in pool.map(_attempt_some, *zip(*jobs, strict=True)):
            file.writelines(lines)


def _attempt_some(folder: Path, seed: int) -> list[str]:
    return [json.dumps(asdict(attempted)) + "\n" for attempted in _attempt(folder, seed)]


def _attempt(folder: Path, seed: int) -> Iterator[Attempted]:
    model, tokenizer = LanguageModel.load(folder), Tokenizer.load(folder / "tokenizer.json")
    rng = Random(f"attempts {seed}")
    how = Sampling(temperature=DEFAULT_TEMPERATURE, max_tokens=_MAX_TOKENS, seed=seed, eos=tokenizer.eos)
    for _ in range(_PER_JOB):
        family = FAMILIES[rng.choice(list(FAMILIES))]
        problem = draw(rng, family.name, rng.randint(1, family.levels - HELD_BACK.get(family.name, 0)), Split.TRAIN)
        completions = generate(model, prompt_ids(tokenizer, [problem.question]), range(_PER_PROBLEM), how)
        texts = [tokenizer.decode(completion.ids) for completion in completions if completion.ended]
        yield Attempted(problem, tuple(_check(problem.question, text) for text in texts))


def _check(question: str, text: str) -> Attempt:
    return Attempt(text, first_wrong_step(question, text), verified_prefix(question, text))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--problems", type=int, default=2600)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    collect(arguments.folder, arguments.out, problems=arguments.problems, seed=arguments.seed)
