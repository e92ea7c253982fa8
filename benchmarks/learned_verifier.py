"""A learned verifier against votes: ``python -m benchmarks.learned_verifier --questions 60 --seed 0``.

A correctness probe is trained on graded samples of the estimator split, measured on fresh ones of the tuning split, and
used on the test split: by best-of-n, by a weighted vote, and to stop when it accepts. The same with the plain
log-probability of a sample, which is the strongest signal that the probe reads, and with the exact verifiers of the
families that have one. Nothing here asks on, so the samples of a question are drawn once and all choose among these;
gains are those of `against_votes`.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.against_votes import MOST, RESULTS, model, table
from tts_agent.budget import Budget
from tts_agent.difficulty.metrics import auroc
from tts_agent.driver import Driver
from tts_agent.embedded.defaults import embedded_step, embedded_verifiers
from tts_agent.embedded.problems import problems
from tts_agent.embedded.tasks import FAMILIES, Split, is_correct
from tts_agent.learning.correctness_probe import CorrectnessProbe, Graded
from tts_agent.learning.held_out import HeldOut
from tts_agent.probability import Beta
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage
from tts_agent.step import Step
from tts_agent.stopping import FixedSize, UntilAccepted
from tts_agent.strategies import BestOfN, Strategy, WeightedBestOfN
from tts_agent.strategies.base import majority
from tts_agent.verifiers.log_probability import LogProbability

TRAINED_ON, MEASURED_ON, SAMPLES = 60, 30, 8
"""Questions of a family, and samples of each."""
SURE = 0.9
"""P(right) from which on a sample is accepted."""


@dataclass(slots=True)
class Drawn:
    """A sampler of what was drawn beforehand; a batch pays the prompt once."""

    samples: Sequence[Sample]
    name: str = "embedded"

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        batch = tuple(self.samples[request.offset : request.offset + n])
        return SampleBatch(batch, Usage(batch[0].usage.input_tokens, sum(each.usage.output_tokens for each in batch)))

    def token_bound(self, request: SampleRequest) -> int:
        return model().token_bound(request)


def lineup(family: str, learned: CorrectnessProbe) -> Mapping[str, Strategy]:
    """What is tried on a family."""
    confident, any_rate = LogProbability(0.25), Beta(1.0, 1.0)
    tried: dict[str, Strategy] = {}
    for n in (5, MOST):
        tried[f"best of {n}, log-probability"] = BestOfN(confident, FixedSize(n))
        tried[f"best of {n}, probe"] = BestOfN(learned, FixedSize(n))
        tried[f"vote by log-probability, {n}"] = WeightedBestOfN(confident, FixedSize(n))
        tried[f"vote by probe, {n}"] = WeightedBestOfN(learned, FixedSize(n))
    tried[f"until the probe accepts, at most {MOST}"] = BestOfN(learned, UntilAccepted(any_rate, 0.0, MOST))
    if exact := embedded_verifiers().get(family):
        name = f"until an exact verifier accepts, at most {MOST}"
        tried[name] = BestOfN(exact, UntilAccepted(any_rate, 0.0, MOST))
    return tried


def graded(split: Split, questions: int) -> list[Graded]:
    """Samples of questions of each family, seeded by their place."""
    return asyncio.run(_graded(split, questions))


async def _graded(split: Split, questions: int) -> list[Graded]:
    drawn = []
    for number, problem in enumerate(problems(split, len(FAMILIES) * questions, 0)):
        step = embedded_step(problem.question, seed=number)
        batch = await model().sample(step.request(), SAMPLES)
        drawn += [Graded(step, sample, is_correct(problem.question, sample.text)) for sample in batch.samples]
    return drawn


def measured(fresh: Sequence[Graded], by_family: Mapping[str, HeldOut]) -> str:
    """The probe on fresh samples, a row a family."""
    lines = [
        "| family | samples | right | AUROC | of the log-probability | ECE | accepted of the right | of the wrong |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for family, seen in by_family.items():
        mine = [entry for entry in fresh if entry.step.kind == family]
        logprobs = np.array([entry.sample.logprob if entry.sample.valid else -np.inf for entry in mine])
        right = np.array([float(entry.right) for entry in mine])
        lines.append(
            f"| {family} | {seen.samples} | {seen.right} | {_number(seen.auroc)} "
            f"| {_number(auroc(logprobs, right, 1.0 - right))} | {seen.ece:.3f} "
            f"| {seen.rates.right_accepted} of {seen.right} "
            f"| {seen.rates.wrong_accepted} of {seen.samples - seen.right} |"
        )
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


async def compared(step: Step, tried: Mapping[str, Strategy]) -> list[tuple[bool, int, int]]:
    """For each size of vote, then for each strategy: whether the answer is right, its tokens, those of them output."""
    drawn = (await model().sample(step.request(), MOST)).samples
    rows = []
    for n in range(1, MOST + 1):
        bill = (await Drawn(drawn).sample(step.request(), n)).usage
        rows.append((_right(step, majority(replace(step, drawn=drawn[:n]))), bill.total, bill.output_tokens))
    for strategy in tried.values():
        driver = Driver(Drawn(drawn), Budget())
        outcome = await driver.run(strategy.run(step))
        output = sum(sample.usage.output_tokens for sample in outcome.samples)
        rows.append((_right(step, outcome.sample), driver.charged.tokens, output))
    return rows


def _right(step: Step, sample: Sample | None) -> bool:
    return sample is not None and is_correct(step.text, sample.text)


def main() -> None:
    """Train, measure, compare with votes, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=60, help="of each family")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    learned = CorrectnessProbe.fit(graded(Split.ESTIMATOR, TRAINED_ON), accept_at=SURE)
    fresh = graded(Split.TUNING, MEASURED_ON)
    page = f"""\
# A learned verifier on the embedded model

`python -m benchmarks.learned_verifier --questions {asked.questions} --seed {asked.seed}`

{asked.questions} questions of the test split a family, sampled at temperature 1.5. Gains are in accuracy over the plain
vote at the same cost, with their 95 % intervals (paired bootstrap over questions). What costs more than the largest
vote is compared with that. Tries that are drawn one at a time pay the prompt each time, a batch pays it once.

The probe is trained on {SAMPLES} samples of each of {TRAINED_ON} questions a family of the estimator split (four fifths
of them), and reads MiniLM's embedding of reply and question, their lengths and the like, and the log-probability and
length of the sample. It accepts at P(right) of {SURE}. On {SAMPLES} fresh samples of {MEASURED_ON} questions a family
of the tuning split:

{measured(fresh, learned.measure(fresh))}
"""
    print(page, flush=True)
    supply = problems(Split.TEST, len(FAMILIES) * asked.questions, asked.seed)
    for family in FAMILIES:
        tried = lineup(family, learned)
        steps = [embedded_step(problem.question, seed=asked.seed) for problem in supply if problem.family == family]
        rows = [asyncio.run(compared(step, tried)) for step in steps]
        of_family = table(family, list(tried), np.array(rows, dtype=np.float64))
        print(of_family, flush=True)
        page += "\n" + of_family
    (RESULTS / "learned_verifier.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
