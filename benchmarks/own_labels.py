"""Own labels on a task mix that the shipped head was not made for: ``python -m benchmarks.own_labels``.

The mix: every level of the three families that nothing verifies, in equal shares, with the model at temperature 2.0.
The shipped head and profiles were fitted at 1.5, on about half of these levels. Questions to learn from are of the
estimator split, those to compare on of the test split, which nothing else here has seen. The commands of
docs/learning.md (label, train) learn; then the agent answers the others with nothing known, with the shipped head and
profiles, and with own ones. All of them see the same samples. Writes ``benchmarks/results/own_labels.md``; labelling
that was interrupted goes on where it ended.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from tts_agent.demo.policies import Contender
from tts_agent.demo.run import UNLIMITED, Run, run_contender
from tts_agent.demo.statistics import paired_difference
from tts_agent.difficulty import DifficultyEstimator, Estimator
from tts_agent.embedded import ESTIMATOR_FOLDER, EmbeddedSampler
from tts_agent.embedded.defaults import embedded_policy, settings
from tts_agent.embedded.tasks import FAMILIES, Problem, Split, is_correct, stream
from tts_agent.routing import ClassProfile, Fixed
from tts_agent.routing.profile import read_profiles
from tts_agent.samplers.shared import SharedDraws
from tts_agent.sampling import SampleBatch, Sampler, SampleRequest
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency

MIX = ("story", "lookup", "sort")
TEMPERATURE = 2.0
PRICES = (1.0, 3.0, 10.0)
"""Multiples of the shipped price."""
SHIPPED, NONE, OWN, OWN_PROFILES = "shipped head and profiles", "nothing known", "own labels", "own labels, no head"
RESULTS = Path(__file__).parent / "results" / "own_labels.md"


@dataclass
class AtTemperature:
    """The model at the temperature of the mix, whatever is asked for."""

    inner: Sampler
    name: str = "embedded"

    def token_bound(self, request: SampleRequest) -> int:
        """The inner sampler's."""
        return self.inner.token_bound(request)

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """As the inner sampler."""
        return await self.inner.sample(replace(request, temperature=TEMPERATURE), n)


def right(question: str, reply: str, reference: Any) -> bool:
    """For `--verifier benchmarks.own_labels:right`: as the families' own checkers say."""
    return is_correct(question, reply)


def shifted(split: Split, number: int) -> list[Problem]:
    """So many different problems, families and levels mixed."""
    streams = [
        stream(Random(f"{split} {family} {level}"), family, level, split)
        for family in MIX
        for level in range(1, FAMILIES[family].levels + 1)
    ]
    found: dict[str, Problem] = {}
    while len(found) < number:
        problem = next(streams[len(found) % len(streams)])
        found.setdefault(problem.question, problem)
    return list(found.values())


def learn(folder: Path, number: int, seed: int) -> list[str]:
    """Run the commands, and return them."""
    rows = [
        {"question": problem.question, "answer": problem.answer, "kind": problem.family}
        for problem in shifted(Split.ESTIMATOR, number)
    ]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    data = f"{folder}/questions.jsonl --verifier benchmarks.own_labels:right --temperature {TEMPERATURE} --seed {seed}"
    commands = [
        f"label {data} -k 8 --batch 8 --out {folder}/labels.db",
        f"train {folder}/labels.db --out {folder}/estimator",
    ]
    for command in commands:
        subprocess.run([sys.executable, "-m", "tts_agent.cli", *command.split()], check=True)
    return commands


def compare(folder: Path, number: int, seed: int) -> dict[str, Run]:
    """The agent on held-out questions of the same mix."""
    problems, sampler = shifted(Split.TEST, number), SharedDraws(AtTemperature(EmbeddedSampler()))
    shipped, own = DifficultyEstimator.load(ESTIMATOR_FOLDER), DifficultyEstimator.load(folder / "estimator")
    known = read_profiles(own.profiles)
    runs: dict[str, Run] = {}

    def measure(contender: Contender, estimator: Estimator | None = None) -> None:
        runs[contender.name] = run_contender(contender, problems, sampler, estimator, limit=UNLIMITED, seed=seed)
        print(contender.name, f"{runs[contender.name].accuracy:.3f}", runs[contender.name].spent, flush=True)

    measure(Contender("self-consistency, 5", Fixed(SelfConsistency(FixedSize(5)))))
    ways: Mapping[str, tuple[Estimator | None, Mapping[str, ClassProfile] | None]] = {
        NONE: (None, {}),
        SHIPPED: (shipped, None),
        OWN_PROFILES: (None, known),
        OWN: (own, known),
    }
    for times in PRICES:
        for name, (estimator, profiles) in ways.items():
            policy = embedded_policy(times * settings().price, profiles)
            measure(Contender(_at(name, times), policy, estimates=estimator is not None), estimator)
    return runs


def page(runs: dict[str, Run], commands: Sequence[str], asked: argparse.Namespace) -> str:
    """The results."""
    price = settings().price
    lines = ["# Own labels against the shipped head, on a shifted task mix", ""]
    lines += [
        f"`python -m benchmarks.own_labels --questions {asked.questions} --held-out {asked.held_out} "
        f"--seed {asked.seed}`",
        "",
        f"Every level of {', '.join(MIX)}, the model at temperature {TEMPERATURE}; the shipped head and profiles are",
        f"of temperature 1.5 and of about half of the levels. {asked.questions} questions were labelled, "
        f"{asked.held_out} others answered.",
        "The mix, the prices and what is compared were fixed before any of the held-out questions was answered.",
        "Value is accuracy less price times tokens, what the router maximizes; differences are paired by question,",
        f"with 95 % intervals (bootstrap). At price x1, the shipped one, a correct answer is worth {1 / price:,.0f} "
        "tokens.",
        "",
        *(f"    tts-agent {command}" for command in commands),
        "",
        "| policy | accuracy | tokens |",
        "|---|---|---|",
        *(f"| {name} | {run.accuracy:.3f} | {run.spent:,} |" for name, run in runs.items()),
        "",
        "| difference | price | accuracy | tokens | value |",
        "|---|---|---|---|---|",
    ]
    for ours, other in ((OWN, SHIPPED), (OWN, NONE), (OWN, OWN_PROFILES)):
        for times in PRICES:
            mine, theirs = runs[_at(ours, times)], runs[_at(other, times)]
            accuracy = _paired(_right(mine), _right(theirs))
            value = _paired(_value(mine, times * price), _value(theirs, times * price))
            ratio = mine.spent / max(1, theirs.spent)
            lines.append(f"| {ours} against {other} | x{times:g} | {accuracy} | {ratio:.0%} | {value} |")
    return "\n".join(lines) + "\n"


def _at(name: str, times: float) -> str:
    return f"{name}, price x{times:g}"


def _right(run: Run) -> list[float]:
    return [float(row.correct) for row in run.rows]


def _value(run: Run, price: float) -> list[float]:
    return [row.correct - price * row.tokens for row in run.rows]


def _paired(ours: list[float], theirs: list[float]) -> str:
    difference, (low, high) = paired_difference(ours, theirs)
    return f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"


def main() -> None:
    """Learn, compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=510)
    parser.add_argument("--held-out", type=int, default=306)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("out/own_labels"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    commands = learn(asked.folder, asked.questions, asked.seed)
    text = page(compare(asked.folder, asked.held_out, asked.seed), commands, asked)
    print(text)
    asked.results.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
