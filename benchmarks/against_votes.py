"""Strategies on the embedded model against votes of one to fifteen samples, at equal cost, one table a family.

Every strategy answers held-out questions under the driver, with the same seed for a question, so that its first samples
are those of the votes. Gains are over the plain vote at equal tokens of the ledger (every call's prompt, and the
output) and at equal output tokens alone, which is what counts where the endpoint caches prompts.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a process per core is the better use

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.embedded.defaults import embedded_step
from tts_agent.embedded.problems import problems
from tts_agent.embedded.sampler import EmbeddedSampler
from tts_agent.embedded.tasks import FAMILIES, STEP_SEPARATOR, Split, is_correct
from tts_agent.evaluation.bootstrap import Bootstrap, Floats, interval
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage
from tts_agent.step import Step
from tts_agent.strategies import Strategy
from tts_agent.strategies.base import majority

MOST = 15
"""Samples of the largest vote."""
SHOWN = (1, 3, 5, 9, MOST)
QUICK = 10
TUNED_ON = 60
"""Questions of the tuning split."""
RESULTS = Path(__file__).parent / "results"

Lineup = Callable[[str], Mapping[str, Strategy]]
"""Family in, what is tried on it out; a function of a module, since it is sent to processes."""


@cache
def model() -> EmbeddedSampler:
    """One a process."""
    return EmbeddedSampler()


class Remembering:
    """Draws no completion twice: one depends on its request's seed and its place in the stream alone."""

    def __init__(self, inner: EmbeddedSampler) -> None:
        self.name = inner.name
        self._inner = inner
        self._known: dict[SampleRequest, list[Sample]] = {}

    def token_bound(self, request: SampleRequest) -> int:
        """As of the sampler behind."""
        return self._inner.token_bound(request)

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """As of the sampler behind, and billed like it."""
        known = self._known.setdefault(replace(request, offset=0), [])
        end = request.offset + n
        if len(known) < end:
            fresh = replace(request, offset=len(known))
            known += (await self._inner.sample(fresh, end - len(known))).samples
        samples = tuple(known[request.offset : end])
        written = sum(sample.usage.output_tokens for sample in samples)
        return SampleBatch(samples, Usage(samples[0].usage.input_tokens, written))


@cache
def tuning_samples(family: str) -> Sequence[tuple[str, Sample]]:
    """Questions of the tuning split, a sample of each: whatever a strategy has to be told about the model."""
    return asyncio.run(_tuning_samples(family))


async def _tuning_samples(family: str) -> Sequence[tuple[str, Sample]]:
    supply = problems(Split.TUNING, len(FAMILIES) * TUNED_ON, 0)
    questions = [problem.question for problem in supply if problem.family == family]
    batches = [await model().sample(tuning_step(question).request(), 1) for question in questions]
    return [(question, batch.samples[0]) for question, batch in zip(questions, batches, strict=True)]


def tuning_step(question: str) -> Step:
    """As it was asked for `tuning_samples`."""
    return embedded_step(question, seed=0)


def steps_before(text: str, wrong_at: int) -> str:
    """The steps before the first wrong one."""
    return "".join(step + STEP_SEPARATOR for step in text.split(STEP_SEPARATOR)[: wrong_at - 1])


def compare(title: str, about: str, lineup: Lineup, *, questions: int) -> None:
    """Read the command line, measure, print, and write ``results/<module>.md``."""
    module = Path(lineup.__code__.co_filename).stem
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--questions", type=int, default=questions, help="of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} questions a family, printed and not written")
    asked = parser.parse_args()
    number = QUICK if asked.quick else asked.questions
    command = f"python -m benchmarks.{module} --questions {number} --seed {asked.seed}"
    page = [
        f"# {title}",
        "",
        f"`{command}`; {number} questions of the test split a family, sampled at temperature 1.5.",
        "Gains are in accuracy over the plain vote at the same cost, with their 95 % intervals (paired bootstrap over",
        "questions). What costs more than the largest vote is compared with that.",
        "",
        about,
    ]
    supply = problems(Split.TEST, len(FAMILIES) * number, asked.seed)
    with ProcessPoolExecutor(asked.processes) as pool:
        for family in FAMILIES:
            of_family = [problem.question for problem in supply if problem.family == family]
            rows = list(pool.map(partial(measure, lineup, family, asked.seed), of_family, chunksize=4))
            page.append(table(family, list(lineup(family)), np.array(rows, dtype=np.float64)))
            print(page[-1], flush=True)
    if not asked.quick:
        (RESULTS / f"{module}.md").write_text("\n".join(page), encoding="utf-8")


def measure(lineup: Lineup, family: str, seed: int, question: str) -> list[tuple[bool, int, int]]:
    """For each size of vote, then for each strategy: whether the answer is right, its tokens, those of them output."""
    return asyncio.run(_measure(lineup(family), embedded_step(question, seed=seed)))


async def _measure(lineup: Mapping[str, Strategy], step: Step) -> list[tuple[bool, int, int]]:
    sampler = Remembering(model())
    drawn = (await sampler.sample(step.request(), MOST)).samples
    rows = []
    for n in range(1, MOST + 1):
        output = sum(sample.usage.output_tokens for sample in drawn[:n])
        winner = majority(replace(step, drawn=drawn[:n]))
        rows.append((_right(step, winner), drawn[0].usage.input_tokens + output, output))
    for strategy in lineup.values():
        driver = Driver(sampler, Budget())
        outcome = await driver.run(strategy.run(step))
        output = sum(event.usage.output_tokens for event in driver.events if hasattr(event, "usage"))
        rows.append((_right(step, outcome.sample), driver.charged.tokens, output))
    return rows


def _right(step: Step, sample: Sample | None) -> bool:
    return sample is not None and is_correct(step.text, sample.text)


def table(family: str, names: list[str], measured: Floats) -> str:
    """Measured is (questions, votes and strategies, 3)."""
    right, tokens, output = np.moveaxis(measured, 2, 0).swapaxes(1, 2)  # (strategies, questions) each
    resampled = Bootstrap.of(right.shape[1]).means(np.stack([right, tokens, output]))  # (B, 3, strategies)
    means = np.stack([right.mean(axis=1), tokens.mean(axis=1), output.mean(axis=1)])
    lines = [
        f"## {family}",
        "",
        "| strategy | accuracy | tokens | of them output | gain at equal tokens | gain at equal output |",
        "|---|---|---|---|---|---|",
    ]
    for index, name in enumerate([*(f"vote of {n}" for n in range(1, MOST + 1)), *names]):
        gains = ["", ""]
        if index >= MOST:
            gains = [
                _gain(means, currency, index, np.array([_over(each, currency, index) for each in resampled]))
                for currency in (1, 2)
            ]
        elif index + 1 not in SHOWN:
            continue
        accuracy, cost, written = means[:, index]
        lines.append(f"| {name} | {accuracy:.3f} | {cost:.0f} | {written:.0f} | {gains[0]} | {gains[1]} |")
    return "\n".join(lines) + "\n"


def _over(means: Floats, currency: int, index: int) -> float:
    """Accuracy over that of the vote at the same cost, interpolated between sizes."""
    return float(means[0, index] - np.interp(means[currency, index], means[currency, :MOST], means[0, :MOST]))


def _gain(means: Floats, currency: int, index: int, resampled: Floats) -> str:
    low, high = interval(resampled)
    return f"{_over(means, currency, index):+.3f} ({float(low):+.3f} to {float(high):+.3f})"
