"""Strategies against self-consistency at equal tokens: ``python -m benchmarks.strategies``.

The embedded model answers held-out questions of each family. Fifteen samples of a question are drawn once; strategies
that only choose among samples choose among these, those that ask on begin with the first of them. Each is compared
with the vote of as many samples as cost the same, interpolated between sizes, on the same questions, with a paired
bootstrap over questions. Writes a table and JSON into ``benchmarks/results``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.embedded.defaults import embedded_feedback, embedded_step, embedded_verifiers
from tts_agent.embedded.problems import problems
from tts_agent.embedded.sampler import EmbeddedSampler
from tts_agent.embedded.tasks import STEP_SEPARATOR, Split, family_of, is_correct
from tts_agent.evaluation.bootstrap import Bootstrap, Floats, interval
from tts_agent.probability import Beta
from tts_agent.sampling import Sample
from tts_agent.step import Outcome, Step
from tts_agent.stopping import FixedSize, UntilAccepted
from tts_agent.strategies import (
    BestOfN,
    DeepConf,
    PrefixContinuation,
    SelfConsistency,
    SequentialRefinement,
    Strategy,
    WeightedBestOfN,
)
from tts_agent.verifiers.log_probability import LogProbability

MOST = 15
"""Samples of a question."""
RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Arm:
    """A strategy, and how many of the samples drawn beforehand it begins with."""

    name: str
    strategy: Strategy
    drawn: int = 1


def arms(family: str) -> list[Arm]:
    """What can be tried on a family."""
    confident = LogProbability(0.25)
    tried = [Arm(f"self-consistency {n}", SelfConsistency(FixedSize(n)), n) for n in range(1, MOST + 1)]
    tried += [Arm(f"vote by log-probability, {n}", WeightedBestOfN(confident, FixedSize(n)), n) for n in (5, MOST)]
    tried.append(Arm(f"DeepConf, half of {MOST}", DeepConf(FixedSize(MOST), 0.5), MOST))
    if verifier := embedded_verifiers().get(family):
        for n in (5, MOST):
            tried.append(Arm(f"best of {n}, exact verifier", BestOfN(verifier, UntilAccepted(Beta(1.0, 1.0), 0.0, n))))
        tried.append(Arm("refinement, 4 rounds", SequentialRefinement(verifier, 4, embedded_feedback)))
        if family == "chain":
            tried.append(Arm("continuation, 4 rounds", PrefixContinuation(verifier, 4, steps_before)))
    return tried


def steps_before(text: str, wrong_at: int) -> str:
    """The steps before the first wrong one."""
    return "".join(step + STEP_SEPARATOR for step in text.split(STEP_SEPARATOR)[: wrong_at - 1])


async def measure(sampler: EmbeddedSampler, family: str, step: Step) -> list[tuple[bool, int]]:
    """For each arm: whether its answer is right, and its tokens."""
    apart = replace(step.request(), offset=1000)  # in the random stream from what strategies draw themselves
    samples = (await sampler.sample(apart, MOST)).samples
    measured = []
    for arm in arms(family):
        driver = Driver(sampler, Budget())
        outcome: Outcome = await driver.run(arm.strategy.run(step.with_drawn(samples[: arm.drawn])))
        right = outcome.sample is not None and is_correct(step.text, outcome.sample.text)
        measured.append((right, driver.charged.tokens + _tokens(samples[: arm.drawn])))
    return measured


def _tokens(batch: tuple[Sample, ...]) -> int:
    """Of one call: the prompt once, and every sample."""
    return batch[0].usage.input_tokens + sum(sample.usage.output_tokens for sample in batch)


def compared(family: str, right: Floats, tokens: Floats) -> list[dict[str, object]]:
    """(arms, questions) -> a row for each arm."""
    bootstrap = Bootstrap.of(right.shape[1])
    resampled = bootstrap.means(np.stack([right, tokens]))  # (B, 2, arms)
    rows = []
    for index, arm in enumerate(arms(family)):
        gains = np.array([_gain(accuracy, cost, index) for accuracy, cost in resampled])
        low, high = interval(gains)
        accuracy, cost = right.mean(axis=1), tokens.mean(axis=1)
        gain = _gain(accuracy, cost, index)
        if index < MOST and index + 1 not in (1, 3, 5, 9, MOST):
            continue
        rows.append(
            {
                "family": family,
                "strategy": arm.name,
                "tokens": round(float(cost[index])),
                "accuracy": round(float(accuracy[index]), 3),
                "gain": round(gain, 3),
                "low": round(float(low), 3),
                "high": round(float(high), 3),
            }
        )
    return rows


def _gain(accuracy: Floats, cost: Floats, index: int) -> float:
    """Accuracy over that of the vote at the same tokens."""
    return float(accuracy[index] - np.interp(cost[index], cost[:MOST], accuracy[:MOST]))


def table(rows: list[dict[str, object]], command: str, questions: int) -> str:
    """The rows as Markdown."""
    lines = [
        "# Strategies on the embedded model",
        "",
        f"`{command}`; {questions} questions of the test split a family.",
        "The gain is in accuracy over the plain vote at the same tokens (the prompt once a call, and the output),",
        "with its 95 % interval (paired bootstrap over questions).",
        "",
        "| family | strategy | tokens | accuracy | gain at equal tokens |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        gain = f"{row['gain']:+.3f} ({row['low']:+.3f} to {row['high']:+.3f})"
        if str(row["strategy"]).startswith("self-consistency"):
            gain = ""
        lines.append(f"| {row['family']} | {row['strategy']} | {row['tokens']} | {row['accuracy']:.3f} | {gain} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=100, help="of each family")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    sampler, rows = EmbeddedSampler(), []
    supply = problems(Split.TEST, 5 * asked.questions, asked.seed)
    by_family: dict[str, list[str]] = {}
    for problem in supply:
        by_family.setdefault(family_of(problem.question) or "default", []).append(problem.question)
    for family, questions in sorted(by_family.items()):
        steps = [embedded_step(question, seed=asked.seed + number) for number, question in enumerate(questions)]
        measured = np.array([asyncio.run(measure(sampler, family, step)) for step in steps], dtype=np.float64)
        found = compared(family, measured[:, :, 0].T, measured[:, :, 1].T)
        print(*(f"{row['family']} {row['strategy']}: {row['accuracy']} at {row['tokens']}" for row in found), sep="\n")
        rows += found
    command = f"python -m benchmarks.strategies --questions {asked.questions} --seed {asked.seed}"
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "strategies.md").write_text(table(rows, command, asked.questions), encoding="utf-8")
    (RESULTS / "strategies.json").write_text(json.dumps({"command": command, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
