"""How long training an estimator takes once texts are embedded: trained heads beside solved ones, on the same rows.

    python -m benchmarks.training_speed --questions 10000

Questions are synthetic: vectors of 384 numbers, a planted difficulty in one direction of them and in the length of the
text, eight samples each. Making texts and vectors is not timed; the scores only show that something was learned. Where
other work runs on the machine, the processor's seconds (of all its cores together) say more than those of the clock.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from tts_agent.difficulty import Label, SampleSignals, StepText, leave_one_out
from tts_agent.difficulty.fitting import fit_with_card
from tts_agent.difficulty.questions import Questions
from tts_agent.difficulty.two_stage import FitSettings

DIMENSION = 384
SAMPLES = 8
KINDS = ("chain", "story", "lookup", "sort")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--heads", choices=("both", "trained", "solved"), default="both")
    arguments = parser.parse_args()
    labels, vectors = _planted(arguments.questions, arguments.seed)
    began = time.perf_counter()
    data = Questions.of(labels)
    print(f"{len(data)} questions, {len(labels)} rows, read in {time.perf_counter() - began:.1f} s")
    for name, settings in (("trained", FitSettings()), ("solved", FitSettings.small())):
        if arguments.heads not in ("both", name):
            continue
        began, worked = time.perf_counter(), time.process_time()
        card = fit_with_card(data, vectors, seed=arguments.seed, settings=settings)[1]
        seconds, worked = time.perf_counter() - began, time.process_time() - worked
        scores = f"NLL {card.stage_one.nll:.4f}, AUROC {card.stage_one.auroc or 0:.3f}"
        after = card.stage_two
        second = f"; after the first sample {after.nll:.4f}, {after.auroc or 0:.3f}" if after else ""
        print(f"{name:8} {seconds:6.1f} s, {worked:6.1f} s of the processor   {scores}{second}")


def _planted(questions: int, seed: int) -> tuple[list[Label], np.ndarray]:
    """Label rows, and the vectors (questions, DIMENSION) of their texts in the order in which they come."""
    random = np.random.default_rng(seed)
    vectors = random.normal(size=(questions, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    labels: list[Label] = []
    for number in range(questions):
        words = int(random.integers(5, 60))
        kind = KINDS[number % len(KINDS)]
        rate = 1.0 / (1.0 + np.exp(-(1.5 - 0.05 * words + 20.0 * vectors[number, 0])))
        samples = []
        for _ in range(SAMPLES):
            right = bool(random.random() < rate)
            tokens = int(random.integers(20, 60)) + (0 if right else 15)
            samples.append((SampleSignals(tokens, "stop", -0.1 - 0.2 * random.random(), True, None), right))
        step = StepText(f"Question {number}: " + "word " * words, kind, "m")
        labels += leave_one_out(step, f"q{number}", samples)
    return labels, vectors


if __name__ == "__main__":
    main()
