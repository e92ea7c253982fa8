"""Own labels on a task mix that the shipped head was not made for: ``python -m benchmarks.own_labels``.

The commands of docs/learning.md (label, train, profile) on levels of three families that are not in the demonstration's
mix; then the agent on further ones without a head, with the shipped one, and with the own one and its profile. All of
them see the same samples. Writes ``benchmarks/results/own_labels.md``; ``--questions 20 --held-out 10`` is quick.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from tts_agent.demo.policies import Contender
from tts_agent.demo.run import UNLIMITED, Run, run_contender
from tts_agent.demo.statistics import paired_difference
from tts_agent.difficulty import DifficultyEstimator, Estimator
from tts_agent.embedded import ESTIMATOR_FOLDER, EmbeddedSampler
from tts_agent.embedded.defaults import embedded_policy, settings
from tts_agent.embedded.tasks import Problem, Split, is_correct, stream
from tts_agent.routing import Fixed
from tts_agent.routing.profile_file import ProfileFile
from tts_agent.samplers.shared import SharedDraws
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency

SHIFTED = {"story": (8, 10), "lookup": (9, 11), "sort": (2, 7)}
"""Levels that the mix of the demonstration leaves out, of families that nothing verifies."""
PRICES = (1.0, 10.0)
"""Multiples of the shipped price."""
RESULTS = Path(__file__).parent / "results" / "own_labels.md"


def right(question: str, reply: str, reference: Any) -> bool:
    """For `--verifier benchmarks.own_labels:right`: as the families' own checkers say."""
    return is_correct(question, reply)


def shifted(split: Split, number: int) -> list[Problem]:
    """So many different problems, families and levels mixed."""
    streams = [
        stream(Random(f"{split} {family} {level}"), family, level, split)
        for family, levels in SHIFTED.items()
        for level in levels
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
    data, verifier = f"{folder}/questions.jsonl", "--verifier benchmarks.own_labels:right"
    commands = [
        f"label {data} {verifier} -k 8 --batch 8 --seed {seed} --out {folder}/labels.db",
        f"train {folder}/labels.db --out {folder}/estimator",
        f"profile {data} {verifier} --arms self_consistency=3,5,9,15 --seed {seed} --estimator {folder}/estimator "
        f"--out {folder}/profile",
    ]
    for command in commands:
        subprocess.run([sys.executable, "-m", "tts_agent.cli", *command.split()], check=True)
    return commands


def compare(folder: Path, number: int, seed: int) -> dict[str, Run]:
    """The agent on held-out questions of the same mix."""
    problems, sampler = shifted(Split.DEMO, number), SharedDraws(EmbeddedSampler())
    shipped = DifficultyEstimator.load(ESTIMATOR_FOLDER)
    own = DifficultyEstimator.load(folder / "estimator")
    known = ProfileFile.read(folder / "profile" / "profile.json").profiles
    price = settings().price
    runs: dict[str, Run] = {}

    def measure(contender: Contender, estimator: Estimator | None = None) -> None:
        runs[contender.name] = run_contender(contender, problems, sampler, estimator, limit=UNLIMITED, seed=seed)
        print(contender.name, f"{runs[contender.name].accuracy:.3f}", runs[contender.name].spent, flush=True)

    for n in (5, 15):
        measure(Contender(f"self-consistency, {n}", Fixed(SelfConsistency(FixedSize(n)))))
    for times in PRICES:
        mark = f"price x{times:g}"
        measure(Contender(f"no head, {mark}", embedded_policy(times * price, {})))
        measure(Contender(f"shipped head, {mark}", embedded_policy(times * price), estimates=True), shipped)
        measure(Contender(f"own labels, {mark}", embedded_policy(times * price, known), estimates=True), own)
    return runs


def page(runs: dict[str, Run], commands: Sequence[str], asked: argparse.Namespace) -> str:
    """The results."""
    price = settings().price
    lines = ["# Own labels against the shipped head, on a shifted task mix", ""]
    lines += [
        f"`python -m benchmarks.own_labels --questions {asked.questions} --held-out {asked.held_out} "
        f"--seed {asked.seed}`",
        "",
        f"Levels {SHIFTED}: none is in the mix that the shipped head and profiles were fitted on.",
        f"{asked.questions} questions were labelled and profiled, {asked.held_out} others answered. Value is accuracy "
        "less price times tokens,",
        "what the router maximizes; differences are paired by question, with 95 % intervals (bootstrap).",
        "",
        *(f"    tts-agent {command}" for command in commands),
        "",
        "| policy | accuracy | tokens |",
        "|---|---|---|",
        *(f"| {name} | {run.accuracy:.3f} | {run.spent:,} |" for name, run in runs.items()),
        "",
        "| own labels against | accuracy | tokens | value |",
        "|---|---|---|---|",
    ]
    for times in PRICES:
        ours = runs[f"own labels, price x{times:g}"]
        for other in ("shipped head", "no head"):
            theirs = runs[f"{other}, price x{times:g}"]
            accuracy = _paired(_right(ours), _right(theirs))
            value = _paired(_value(ours, times * price), _value(theirs, times * price))
            ratio = ours.spent / max(1, theirs.spent)
            lines.append(f"| {other}, price x{times:g} | {accuracy} | {ratio:.0%} | {value} |")
    return "\n".join(lines) + "\n"


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
    parser.add_argument("--questions", type=int, default=150)
    parser.add_argument("--held-out", type=int, default=150)
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
