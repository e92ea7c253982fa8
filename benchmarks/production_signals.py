"""Simulations behind docs/learning-in-production.md: ``python -m benchmarks.production_signals``.

Two tables. Pseudo-labels: the share of right steps that a verdict taken as label says, what the correction says, and
how often its interval covers; the gold set has mostly failures, and the signals are fooled by the same mistakes. Drift:
how many compared steps pass until an alarm, after a calm of 500 steps, and until predictions are used again. Writes
``benchmarks/results/production_signals.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from random import Random
from statistics import fmean, median

import numpy as np

from tts_agent.learning.drift import Detector
from tts_agent.learning.pseudo_labels import Signalled, pseudo_labels

RESULTS = Path(__file__).parent / "results" / "production_signals.md"
SHARES = (0.2, 0.5, 0.8)
GOLD, GOLD_SHARE, OTHERS = 120, 0.3, 600
TOLERANCE, THRESHOLD, CALM = 0.1, 10_000.0, 500
OFFSETS = (0.3, 0.2)
PATIENCE = 5_000
"""Steps after which a run that saw no change is cut."""


def steps(random: Random, share: float, number: int, *, gold: bool) -> list[Signalled]:
    """A verifier that accepts 90 % of the right and 30 % of the wrong steps, and samples of which 80 % and 40 % agree;
    those of wrong steps that are accepted all do."""
    made = []
    for _ in range(number):
        right, popular = random.random() < share, random.random()
        accepted = random.random() < 0.9 if right else popular < 0.3
        agreed = random.random() < 0.8 if right else popular < 0.4
        made.append(Signalled((accepted, agreed), float(right) if gold else None))
    return made


def labelled(share: float, runs: int) -> str:
    """A row of the first table."""
    found = []
    for seed in range(runs):
        random = Random(f"labels {share} {seed}")
        gold = steps(random, GOLD_SHARE, GOLD, gold=True)
        found.append(pseudo_labels([*gold, *steps(random, share, OTHERS, gold=False)]))
    covered = fmean(labels.low <= share <= labels.high for labels in found)
    raw, corrected = fmean(labels.raw for labels in found), fmean(labels.share for labels in found)
    return f"| {share} | {raw:.2f} | {corrected:.2f} | {covered:.0%} |"


def drifting(off: float, runs: int) -> str:
    """A row of the second table: samples agree less often by `off`, then as predicted again."""
    alarms, false, back = [], 0, []
    for seed in range(runs):
        random, detector = Random(f"drift {off} {seed}"), Detector(TOLERANCE, THRESHOLD)
        false += any(change for change, _ in zip(_changes(detector, random, 0.0), range(CALM), strict=False))
        if detector.drifted:
            continue
        alarms.append(_until_change(detector, random, -off))
        back.append(_until_change(detector, random, 0.0))
    return f"| {off} | {_spread(alarms)} | {_spread(back)} | {false} of {runs} |"


def _changes(detector: Detector, random: Random, off: float) -> Iterator[bool]:
    for _ in count():
        predicted = random.uniform(0.3, 0.7)
        yield detector.observe(predicted, random.random() < predicted + off)


def _until_change(detector: Detector, random: Random, off: float) -> int:
    changes = zip(range(1, PATIENCE + 1), _changes(detector, random, off), strict=False)
    return next((number for number, changed in changes if changed), PATIENCE)


def _spread(numbers: list[int]) -> str:
    return f"{median(numbers):.0f} ({np.quantile(numbers, 0.95):.0f})"


def page(label_runs: int, drift_runs: int) -> str:
    """Both tables."""
    command = f"python -m benchmarks.production_signals --label-runs {label_runs} --drift-runs {drift_runs}"
    lines = ["# Signals of production: simulations", "", f"`{command}`", "", "## Pseudo-labels", ""]
    lines += [
        f"{OTHERS} steps without an outcome, and {GOLD} others with one, of which {GOLD_SHARE:.0%} are right; "
        f"{label_runs} runs a row.",
        "",
        "| true share | the verdict taken as label | corrected | 95 % interval covers |",
        "|---|---|---|---|",
        *(labelled(share, label_runs) for share in SHARES),
        "",
        "## Drift",
        "",
        f"Tolerance {TOLERANCE}, {THRESHOLD:,.0f} steps a false alarm, predictions from 0.3 to 0.7, "
        f"{CALM} calm steps first; {drift_runs} runs a row. Median and 95th percentile.",
        "",
        "| agreement is off by | steps to the alarm | steps back to normal afterwards | false alarms in the calm |",
        "|---|---|---|---|",
        *(drifting(off, drift_runs) for off in OFFSETS),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Simulate, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--label-runs", type=int, default=60)
    parser.add_argument("--drift-runs", type=int, default=200)
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    text = page(asked.label_runs, asked.drift_runs)
    print(text)
    asked.results.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
