"""Search, hybrids and cascades against self-consistency: ``python -m benchmarks.search --questions 80 --seed 0``.

The embedded model answers held-out questions of each family at its default temperature. Every strategy draws for
itself under the driver, with the same seed for a question; votes of up to fifteen samples are what they are compared
with, at equal tokens of the ledger (every call's prompt, and the output) and at equal output tokens alone, which is
what counts where the endpoint caches prompts. The step checker of the searches recomputes each step; "errs" is the same
checker made wrong about every tenth text. Writes a table a family, with seed and command, into ``benchmarks/results``.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: a process per core is the better use

import argparse
import asyncio
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache, partial
from hashlib import blake2b
from pathlib import Path

import numpy as np

from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.embedded.defaults import embedded_feedback, embedded_step, embedded_verifiers, settings
from tts_agent.embedded.problems import problems
from tts_agent.embedded.sampler import EmbeddedSampler
from tts_agent.embedded.tasks import (
    FAMILIES,
    STEP_SEPARATOR,
    Split,
    first_wrong_step,
    is_correct,
    read_question,
    split_solution,
)
from tts_agent.evaluation.bootstrap import Bootstrap, Floats, interval
from tts_agent.probability import Beta
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.stopping import FixedSize, UntilAccepted
from tts_agent.strategies import (
    BeamSearch,
    BestOfN,
    BestShape,
    Cascade,
    DiverseTreeSearch,
    Hybrid,
    HybridRates,
    PrefixContinuation,
    Rung,
    SelfConsistency,
    SequentialRefinement,
    Shape,
    Strategy,
    Thoughts,
    TreeSearch,
)
from tts_agent.strategies.base import concluded, majority
from tts_agent.verifiers import FunctionVerifier, Verdict, Verifier
from tts_agent.verifiers.log_probability import LogProbability

MOST = 15
"""Samples of the largest vote."""
SHOWN = (1, 3, 5, 9, MOST)
RESULTS = Path(__file__).parent / "results"
THOUGHTS = Thoughts(STEP_SEPARATOR)


def check_steps(step: Step, sample: Sample) -> Verdict:
    """A process verdict without error: where the first wrong step is; a whole solution without one is accepted."""
    wrong_at = first_wrong_step(step.text, sample.text, partial=True)
    _, answer = split_solution(sample.text)
    return Verdict(float(wrong_at is None), wrong_at is None and answer is not None, wrong_at)


def check_badly(step: Step, sample: Sample) -> Verdict:
    """The same as a score, turned around for every tenth text; nothing is accepted or located."""
    score = check_steps(step, sample).score
    errs = blake2b(f"{step.text}|{sample.text}".encode()).digest()[0] < 0.1 * 256
    return Verdict(1.0 - score if errs else score)


def share_of_right_steps(step: Step, sample: Sample) -> Verdict:
    """A graded verdict on a whole solution, by which a tree can grow."""
    steps, _ = split_solution(sample.text)
    if is_correct(step.text, sample.text):
        return Verdict(1.0, accepted=True)
    wrong_at = first_wrong_step(step.text, sample.text)
    return Verdict(0.9 * read_question(step.text).right_steps(steps) / max(1, len(steps)), wrong_at=wrong_at)


EXACT, ERRS = FunctionVerifier(check_steps, name="steps"), FunctionVerifier(check_badly, name="steps, errs")
GRADED = FunctionVerifier(share_of_right_steps, name="share of right steps")


def strategies(family: str) -> Mapping[str, Strategy]:
    """What is tried on a family."""
    tried: dict[str, Strategy] = {
        "beam 1 x 2, step checker": BeamSearch(EXACT, 1, 2, thoughts=THOUGHTS),
        "beam 2 x 2, step checker errs": BeamSearch(ERRS, 2, 2, thoughts=THOUGHTS),
        "4 subtrees 1 x 2, step checker errs": DiverseTreeSearch(BeamSearch(ERRS, 1, 2, thoughts=THOUGHTS), 4),
        "best of 5, log-probability": BestOfN(LogProbability(0.25), FixedSize(5)),
        "cascade, 3 votes then 12": Cascade((Rung(_vote(family, 3)), Rung(_vote(family, 12)))),
        "cascade, 64 tokens then 400": Cascade((Rung(_vote(family, 3), max_tokens=64), Rung(_vote(family, 5)))),
    }
    if verifier := embedded_verifiers().get(family):
        tried |= _verified(family, verifier)
    return tried


def _vote(family: str, n: int) -> SelfConsistency:
    return SelfConsistency(FixedSize(n), population=settings().profiles[family].population)


def _verified(family: str, verifier: Verifier) -> dict[str, Strategy]:
    profile = settings().profiles[family]
    rates = HybridRates(profile.fix_rate, 0.0, attempt_tokens=130.0, revision_tokens=230.0)
    best = BestShape(rates, settings().price, 5, profile.reference or settings().population)
    one = Rung(BestOfN(verifier, FixedSize(1)))
    tried: dict[str, Strategy] = {
        "best of 5, exact verifier": BestOfN(verifier, UntilAccepted(Beta(1.0, 1.0), 0.0, 5)),
        "refinement, 4 rounds": SequentialRefinement(verifier, 4, embedded_feedback),
        "hybrid, 2 chains x 1 round": Hybrid(verifier, Shape(2, 1), embedded_feedback),
        "hybrid, best shape of 5 calls": Hybrid(verifier, best, embedded_feedback),
        "tree search, 5 nodes": TreeSearch(GRADED, max_nodes=5, feedback=embedded_feedback),
        "cascade, one then 5 more": Cascade((one, Rung(BestOfN(verifier, UntilAccepted(Beta(1.0, 1.0), 0.0, 5))))),
    }
    if family == "chain":
        tried["continuation, 4 rounds"] = PrefixContinuation(verifier, 4, _steps_before)
    return tried


def _steps_before(text: str, wrong_at: int) -> str:
    return "".join(step + STEP_SEPARATOR for step in text.split(STEP_SEPARATOR)[: wrong_at - 1])


@cache
def _model() -> EmbeddedSampler:
    return EmbeddedSampler()


def measure(family: str, seed: int, question: str) -> list[tuple[bool, int, int]]:
    """For each size of vote, then for each strategy: whether the answer is right, its tokens, those of them output."""
    step = embedded_step(question, seed=seed)
    return asyncio.run(_measure(family, step))


async def _measure(family: str, step: Step) -> list[tuple[bool, int, int]]:
    drawn = (await _model().sample(step.request(), MOST)).samples
    rows = []
    for n in range(1, MOST + 1):
        outcome = concluded("vote", "done", replace(step, drawn=drawn[:n]), majority(replace(step, drawn=drawn[:n])))
        output = sum(sample.usage.output_tokens for sample in drawn[:n])
        rows.append((_right(step, outcome.sample), drawn[0].usage.input_tokens + output, output))
    for strategy in strategies(family).values():
        driver = Driver(_model(), Budget())
        outcome = await driver.run(strategy.run(step))
        output = sum(event.usage.output_tokens for event in driver.events if hasattr(event, "usage"))
        rows.append((_right(step, outcome.sample), driver.charged.tokens, output))
    return rows


def _right(step: Step, sample: Sample | None) -> bool:
    return sample is not None and is_correct(step.text, sample.text)


def table(family: str, measured: Floats) -> str:
    """Measured is (questions, strategies, 3)."""
    right, tokens, output = np.moveaxis(measured, 2, 0).swapaxes(1, 2)  # (strategies, questions) each
    resampled = Bootstrap.of(right.shape[1]).means(np.stack([right, tokens, output]))  # (B, 3, strategies)
    means = np.stack([right.mean(axis=1), tokens.mean(axis=1), output.mean(axis=1)])
    lines = [
        f"## {family}",
        "",
        "| strategy | accuracy | tokens | of them output | gain at equal tokens | gain at equal output |",
        "|---|---|---|---|---|---|",
    ]
    for index, name in enumerate([*(f"vote of {n}" for n in range(1, MOST + 1)), *strategies(family)]):
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


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=80, help="of each family")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    command = f"python -m benchmarks.search --questions {asked.questions} --seed {asked.seed}"
    page = [
        "# Search, hybrids and cascades on the embedded model",
        "",
        f"`{command}`; {asked.questions} questions of the test split a family, sampled at temperature 1.5.",
        "Gains are in accuracy over the plain vote at the same cost, with their 95 % intervals (paired bootstrap over",
        "questions). What costs more than the largest vote is compared with that.",
        "",
    ]
    supply = problems(Split.TEST, len(FAMILIES) * asked.questions, asked.seed)
    with ProcessPoolExecutor(asked.processes) as pool:
        for family in FAMILIES:
            questions = [problem.question for problem in supply if problem.family == family]
            measured = list(pool.map(partial(measure, family, asked.seed), questions, chunksize=4))
            page.append(table(family, np.array(measured, dtype=np.float64)))
            print(page[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "search.md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
