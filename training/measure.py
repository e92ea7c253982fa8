"""Measures a model on a held-out split: ``python -m training.measure --split tuning --per-level 8``.

For every problem: pass@1, votes and best-of-n from the same samples; then refinement, one conversation a problem.
Prints a table by family and level and the share of easy, middling and hard questions, and writes JSON.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random
from statistics import mean
from typing import TypeVar

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a process per core is the better use

from tts_agent.embedded import MODEL_FOLDER
from tts_agent.embedded.chat import feedback, prompt_ids
from tts_agent.embedded.generation import DEFAULT_TEMPERATURE, Sampling, generate
from tts_agent.embedded.model import LanguageModel
from tts_agent.embedded.problems import demo_problems
from tts_agent.embedded.tasks import (
    FAMILIES,
    Problem,
    Split,
    first_wrong_step,
    is_correct,
    normalize,
    split_solution,
    stream,
)
from tts_agent.embedded.tokenizer import Tokenizer

T = TypeVar("T")

_VOTES = (5, 15)
_ROUNDS = 4
_MAX_TOKENS = 400


@dataclass(frozen=True, slots=True)
class Measured:
    """What one problem showed."""

    family: str
    level: int
    question: str
    pass_at_1: float
    vote: dict[int, float]
    """Chance that the majority of n samples is right, by n; ties count for the first answer drawn."""
    any_right: dict[int, float]
    """Chance that at least one of n samples is right: best-of-n with an exact checker."""
    tokens: dict[str, float]
    """Mean prompt and output tokens of one call."""
    refined: float
    """Share of conversations right after at most four further rounds with located feedback."""
    refined_tokens: float
    """Prompt and output tokens of all calls of a conversation, mean."""


@dataclass(frozen=True, slots=True)
class Job:
    """What to do with one problem."""

    folder: Path
    problem: Problem
    samples: int
    conversations: int
    temperature: float


@cache
def _model(folder: Path) -> tuple[LanguageModel, Tokenizer]:
    return LanguageModel.load(folder), Tokenizer.load(folder / "tokenizer.json")


def measure(job: Job) -> Measured:
    """Sample one problem and count."""
    question = job.problem.question
    texts, prompt, output = _draw(job, [question], job.samples)
    right = [is_correct(question, text) for text in texts]
    keys = [_key(text) for text in texts]
    truth = {key: ok for key, ok in zip(keys, right, strict=True) if key is not None}
    talks = [_refine(job, index) for index in range(job.conversations)]
    return Measured(
        family=job.problem.family,
        level=job.problem.level,
        question=question,
        pass_at_1=mean(right),
        vote={n: mean(truth.get(_majority(group) or "", False) for group in _groups(keys, n)) for n in _VOTES},
        any_right={n: mean(any(group) for group in _groups(right, n)) for n in _VOTES},
        tokens={"prompt": prompt, "output": output},
        refined=mean(ok for ok, _ in talks) if talks else 0.0,
        refined_tokens=mean(spent for _, spent in talks) if talks else 0.0,
    )


def _draw(job: Job, turns: list[str], n: int, seed: int = 0) -> tuple[list[str], int, float]:
    """Return n texts, the prompt's tokens and the mean output tokens."""
    model, tokenizer = _model(job.folder)
    prompt = prompt_ids(tokenizer, turns)
    how = Sampling(job.temperature, min(_MAX_TOKENS, model.shape.context - len(prompt)), seed, tokenizer.eos)
    completions = generate(model, prompt, range(n), how)
    texts = [tokenizer.decode(completion.ids) for completion in completions]
    return texts, len(prompt), mean(len(completion.ids) for completion in completions)


def _refine(job: Job, index: int) -> tuple[bool, float]:
    """Show the best attempt so far with the number of its first wrong step, until one is right."""
    question = job.problem.question
    turns, best, spent = [question], ("", 0), 0.0
    for round_ in range(_ROUNDS + 1):
        (text,), prompt, output = _draw(job, turns, 1, seed=1 + index * 100 + round_)
        spent += prompt + output
        wrong = first_wrong_step(question, text)
        if wrong is None:
            return True, spent
        if wrong >= best[1]:
            best = text, wrong
        turns = [question, best[0], feedback(best[1])]
    return False, spent


def _key(text: str) -> str | None:
    _, answer = split_solution(text)
    return None if answer is None else normalize(answer)


def _majority(keys: Iterable[str | None]) -> str | None:
    votes = Counter(key for key in keys if key is not None)
    return votes.most_common(1)[0][0] if votes else None


def _groups(items: Sequence[T], n: int) -> list[Sequence[T]]:
    """Cut into groups of n; a remainder is left out, too few items are one group."""
    return [items[at : at + n] for at in range(0, max(1, len(items) - n + 1), n)]


def table(results: Sequence[Measured]) -> str:
    """Return one line per family and level, and one per family."""
    head = (
        f"{'family':10} {'level':>5} {'pass@1':>7} {'maj@5':>7} {'maj@15':>7} {'any@5':>7} {'any@15':>7} {'refine':>7}"
    )
    lines = [f"{head} {'tok/call':>9} {'tok/refine':>10}"]
    for family in FAMILIES:
        own = [result for result in results if result.family == family]
        for level in [*sorted({result.level for result in own}), None]:
            rows = [result for result in own if level in (None, result.level)]
            if rows:
                lines.append(f"{family:10} {level or 'all':>5} {_cells(rows)}")
    return "\n".join(lines)


def _cells(rows: Sequence[Measured]) -> str:
    shares = [
        mean(row.pass_at_1 for row in rows),
        *(mean(row.vote[n] for row in rows) for n in _VOTES),
        *(mean(row.any_right[n] for row in rows) for n in _VOTES),
        mean(row.refined for row in rows),
    ]
    once = mean(sum(row.tokens.values()) for row in rows)
    refined = mean(row.refined_tokens for row in rows)
    return f"{' '.join(f'{share:7.3f}' for share in shares)} {once:9.0f} {refined:10.0f}"


def gate(results: Sequence[Measured]) -> dict[str, float]:
    """Return the spread of difficulty: mean pass@1 of the easiest and hardest fifth, share from .40 to .95."""
    rates = sorted(result.pass_at_1 for result in results)
    fifth = max(1, len(rates) // 5)
    return {
        "questions": len(rates),
        "easiest_fifth": mean(rates[-fifth:]),
        "between": mean(0.40 <= rate <= 0.95 for rate in rates),
        "hardest_fifth": mean(rates[:fifth]),
    }


def measure_all(
    folder: Path,
    problems: Sequence[Problem],
    *,
    samples: int,
    conversations: int,
    temperature: float = DEFAULT_TEMPERATURE,
    processes: int = 2,
) -> list[Measured]:
    """Measure the model in ``folder`` on every problem."""
    jobs = [Job(folder, problem, samples, conversations, temperature) for problem in problems]
    with ProcessPoolExecutor(processes) as pool:
        return list(pool.map(measure, jobs))


def ladder(split: Split, *, per_level: int, every: int = 1) -> list[Problem]:
    """Return ``per_level`` problems of every ``every``-th level of each family."""
    return [
        problem
        for name, family in FAMILIES.items()
        for level in range(1, family.levels + 1, every)
        for problem in islice(stream(Random(f"{name} {level}"), name, level, split), per_level)
    ]


def main() -> None:
    """Parse the command line, measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=MODEL_FOLDER)
    parser.add_argument("--split", type=Split, default=Split.TUNING)
    parser.add_argument("--demo", type=int, default=0, help="measure the first N demo problems instead")
    parser.add_argument("--per-level", type=int, default=8)
    parser.add_argument("--every", type=int, default=1, help="take every n-th level only")
    parser.add_argument("--samples", type=int, default=30)
    parser.add_argument("--conversations", type=int, default=4)
    parser.add_argument("--temperature", type=float, default=DEFAULT_TEMPERATURE)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args()
    problems = (
        demo_problems(options.demo)
        if options.demo
        else ladder(options.split, per_level=options.per_level, every=options.every)
    )
    results = measure_all(
        options.model,
        problems,
        samples=options.samples,
        conversations=options.conversations,
        temperature=options.temperature,
        processes=options.processes,
    )
    print(table(results))
    print(json.dumps(gate(results)))
    if options.out is not None:
        report = {"gate": gate(results), "problems": [asdict(result) for result in results]}
        options.out.write_text(json.dumps(report) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
