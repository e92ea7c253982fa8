"""A stream whose mix shifts: ``python -m benchmarks.production``.

The embedded model answers problems of the levels and the temperature that its estimator was fitted on, then of other
levels at a higher temperature. Decisions and outcomes are recorded, some are explored, and `Watched` sets predictions
aside where the drift monitor says so. Then `tts-agent learn` refits the estimator to the records of the shifted part,
and held-out problems of the shifted mix, which nothing has seen, are answered by the old estimator, by the refitted
one, and by the rule that needs no prediction, all with the same samples. Writes ``benchmarks/results/production.md``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from tts_agent.demo.statistics import paired_difference
from tts_agent.difficulty import DifficultyEstimator, Estimator
from tts_agent.embedded import ESTIMATOR_FOLDER, EmbeddedSampler
from tts_agent.embedded.defaults import embedded_policy, embedded_step, settings
from tts_agent.embedded.problems import LEVELS
from tts_agent.embedded.tasks import FAMILIES, Problem, Split, is_correct, stream
from tts_agent.learning.drift import DriftMonitor, Watched, no_label_rule
from tts_agent.learning.exploration import Exploring
from tts_agent.learning.recording import Recorder
from tts_agent.reasoner import AdaptiveReasoner, Result
from tts_agent.routing import Fixed, Policy
from tts_agent.routing.profile import read_profiles
from tts_agent.samplers.shared import SharedDraws
from tts_agent.sampling import Sampler
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single

MIX = ("lookup", "sort")
"""Families that nothing verifies: their steps vote, and votes are what the monitor sees."""
TEMPERATURE = 2.0
"""After the shift; the shipped estimator was fitted at 1.5."""
RESULTS = Path(__file__).parent / "results" / "production.md"


@dataclass(frozen=True)
class Answered:
    """How one problem was answered."""

    correct: bool
    tokens: int

    def value(self, price: float) -> float:
        """In correct answers."""
        return self.correct - price * self.tokens


def problems(split: Split, number: int, *, shifted: bool, seed: int) -> list[Problem]:
    """So many different problems, families and levels mixed: of the shipped levels, or of all others."""
    streams = [
        stream(Random(f"{seed} {split} {shifted} {family} {level}"), family, level, split)
        for family in MIX
        for level in range(1, FAMILIES[family].levels + 1)
        if (level in LEVELS[family]) != shifted
    ]
    found: dict[str, Problem] = {}
    order = Random(seed)
    while len(found) < number:
        problem = next(streams[order.randrange(len(streams))])
        found.setdefault(problem.question, problem)
    return list(found.values())


def answer(
    asked: Sequence[Problem], sampler: Sampler, policy: Policy, estimator: Estimator | None, seed: int
) -> list[Answered]:
    """Each problem by one policy, as after the shift."""
    reasoner = AdaptiveReasoner(sampler, policy=policy, estimator=estimator)
    rows = []
    for number, problem in enumerate(asked):
        result = reasoner.run(embedded_step(problem.question, seed=seed + number, temperature=TEMPERATURE))
        rows.append(Answered(is_correct(problem.question, result.text), result.spent.tokens))
    return rows


def produce(
    path: Path, before: Sequence[Problem], after: Sequence[Problem], seed: int
) -> tuple[list[Answered], list[str]]:
    """The stream, recorded into `path`; how its steps came out, and what the monitor said when."""
    shipped, monitor = DifficultyEstimator.load(ESTIMATOR_FOLDER), DriftMonitor(settings().profiles)
    arms = (Single(), SelfConsistency(FixedSize(5)))
    policy = Watched(Exploring(embedded_policy(), arms, rate=0.1, seed=seed), monitor)
    rows: list[Answered] = []
    said: list[str] = []
    state: dict[str, Any] = dict.fromkeys(MIX)
    with Recorder(path, model="embedded", text="stored") as recorder:

        def seen(result: Result) -> None:
            recorder(result)
            monitor(result)

        sampler = EmbeddedSampler()
        for number, problem in enumerate([*before, *after]):
            late = number >= len(before)
            reasoner = AdaptiveReasoner(sampler, policy=policy, estimator=shipped, on_result=seen)
            step = embedded_step(problem.question, seed=seed + number, temperature=TEMPERATURE if late else None)
            with recorder.task(str(number)):
                result = reasoner.run(step)
            rows.append(Answered(is_correct(problem.question, result.text), result.spent.tokens))
            recorder.record_outcome(str(number), correct=rows[-1].correct)
            now = monitor.drifted(problem.family)
            if now != state[problem.family]:
                state[problem.family] = now
                when = (
                    f"{number + 1 - len(before)} steps after the shift" if late else f"step {number + 1}, a false alarm"
                )
                said.append(f"{problem.family}: {now or 'as predicted again'} ({when})")
                print(said[-1], flush=True)
    return rows, said


def page(
    asked: argparse.Namespace,
    stream_rows: list[Answered],
    said: list[str],
    learned: dict[str, Any],
    held: dict[str, list[Answered]],
) -> str:
    """The results."""
    price, compared = settings().price, learned["compared"]
    lines = ["# Learning in production: a mix that shifts", ""]
    lines += [
        f"`python -m benchmarks.production --before {asked.before} --after {asked.after} --held-out {asked.held_out} "
        f"--seed {asked.seed}`",
        "",
        f"Families {' and '.join(MIX)}. {asked.before} steps as the shipped estimator was fitted on, then",
        f"{asked.after} of the other levels at temperature {TEMPERATURE}; a tenth explored, all outcomes reported.",
        f"Value is accuracy less price times tokens, at the shipped one ({1 / price:,.0f} tokens a correct answer).",
        "",
        f"The monitor: {'; '.join(said) or 'no alarm'}. Tolerance 0.1, 10,000 steps a false alarm and class.",
        "",
        f"`tts-agent learn --newest {asked.after}`: the {learned['kept']} estimator was kept;",
        f"{compared['new']:.3f} nats against {compared['old']:.3f} on {compared['records']} held-out records, "
        f"difference {compared['new'] - compared['old']:+.3f} ({compared['low']:+.3f} to {compared['high']:+.3f}).",
        "",
        "| steps | policy | number | accuracy | tokens a step | value |",
        "|---|---|---|---|---|---|",
        _row("before the shift", "shipped, watched", stream_rows[: asked.before], price),
        _row("after the shift", "shipped, watched", stream_rows[asked.before :], price),
        *(_row("held out, after the shift", name, rows, price) for name, rows in held.items()),
        "",
        "Held out, paired by step, with 95 % intervals (bootstrap):",
        "",
        "| difference | accuracy | tokens | value |",
        "|---|---|---|---|",
    ]
    names = list(held)
    for name in names[:-1]:
        ours, theirs = held[names[-1]], held[name]
        accuracy = _paired([float(row.correct) for row in ours], [float(row.correct) for row in theirs])
        value = _paired([row.value(price) for row in ours], [row.value(price) for row in theirs])
        ratio = sum(row.tokens for row in ours) / sum(row.tokens for row in theirs)
        lines.append(f"| {names[-1]} against {name} | {accuracy} | {ratio:.0%} | {value} |")
    return "\n".join(lines) + "\n"


def _row(steps: str, name: str, rows: Sequence[Answered], price: float) -> str:
    number = len(rows)
    accuracy, tokens = sum(row.correct for row in rows) / number, sum(row.tokens for row in rows) / number
    return f"| {steps} | {name} | {number} | {accuracy:.3f} | {tokens:.0f} | {accuracy - price * tokens:+.3f} |"


def _paired(ours: list[float], theirs: list[float]) -> str:
    difference, (low, high) = paired_difference(ours, theirs)
    return f"{difference:+.3f} ({low:+.3f} to {high:+.3f})"


def main() -> None:
    """Produce, learn, compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=int, default=400)
    parser.add_argument("--after", type=int, default=800)
    parser.add_argument("--held-out", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("out/production"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    path, refitted = asked.folder / "records.sqlite", asked.folder / "estimator"
    path.unlink(missing_ok=True)
    rows, said = produce(
        path,
        problems(Split.ESTIMATOR, asked.before, shifted=False, seed=asked.seed),
        problems(Split.ESTIMATOR, asked.after, shifted=True, seed=asked.seed),
        asked.seed,
    )
    print("stream done", flush=True)
    command = f"learn {path} --estimator auto --out {refitted} --newest {asked.after} --json"
    done = subprocess.run([sys.executable, "-m", "tts_agent.cli", *command.split()], check=True, capture_output=True)
    learned = json.loads(done.stdout)
    print("learned", learned["kept"], learned["compared"], flush=True)
    shipped = DifficultyEstimator.load(ESTIMATOR_FOLDER)
    own = DifficultyEstimator.load(refitted) if learned["kept"] == "new" else shipped
    others = problems(Split.TEST, asked.held_out, shifted=True, seed=asked.seed)
    sampler = SharedDraws(EmbeddedSampler())
    ways: dict[str, tuple[Policy, Estimator | None]] = {
        "never refitted": (embedded_policy(), shipped),
        "no label rule, always": (Fixed(no_label_rule()), None),
        "refitted": (embedded_policy(profiles=read_profiles(own.profiles)), own),
    }
    held = {name: answer(others, sampler, policy, trained, asked.seed) for name, (policy, trained) in ways.items()}
    text = page(asked, rows, said, learned, held)
    print(text)
    asked.results.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
