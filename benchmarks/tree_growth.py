"""Growing a tree wider or deeper, without a model: ``python -m benchmarks.tree_growth --seed 0``.

Simulated questions of three kinds: fresh attempts may hit and refinement only loses (wide); refinement gains .05 a step
(deep), or .02 with noise (noisy). Each algorithm makes so many attempts; what counts is the best score among them.
Algorithms of `treequest` take part where it is installed. Writes ``benchmarks/results/tree_growth.md``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from random import Random
from statistics import fmean, stdev

from tts_agent.strategies import WiderOrDeeper
from tts_agent.strategies.tree_search import TreeAlgorithm

RESULTS = Path(__file__).parent / "results"
FRESH: Mapping[str, Callable[[Random], float]] = {
    "wide": lambda rng: rng.random() ** 3,
    "deep": lambda rng: 0.3 * rng.random(),
    "noisy": lambda rng: 0.3 * rng.random(),
}
REFINED: Mapping[str, Callable[[Random, float], float]] = {
    "wide": lambda rng, score: score * rng.uniform(0.5, 1.0),
    "deep": lambda rng, score: score + rng.uniform(-0.05, 0.15),
    "noisy": lambda rng, score: score + rng.gauss(0.02, 0.1),
}
Search = Callable[[str, int, int], float]
"""(kind of question, seed, attempts) -> best score."""


def attempt(kind: str, rng: Random, parent: float | None) -> float:
    """The score of a fresh attempt, or of a refinement of one that scored `parent`."""
    score = FRESH[kind](rng) if parent is None else REFINED[kind](rng, parent)
    return min(1.0, max(0.0, score))


def by(make: Callable[[int], TreeAlgorithm]) -> Search:
    """A search that an algorithm leads."""

    def search(kind: str, seed: int, attempts: int) -> float:
        algorithm, rng, best = make(seed), Random(seed), 0.0
        tree = algorithm.init_tree()
        for _ in range(attempts):
            tree, (trial,) = algorithm.ask_batch(tree, 1, ["attempt"])
            score = attempt(kind, rng, trial.parent_state)
            tree = algorithm.tell(tree, trial.trial_id, (score, score))
            best = max(best, score)
        return best

    return search


def choosing(choose: Callable[[Random, list[float | None]], float | None]) -> Search:
    """A search that picks what to go on from without looking at scores; None is a fresh attempt."""

    def search(kind: str, seed: int, attempts: int) -> float:
        rng, chance, made = Random(seed), Random(seed + 1), list[float | None]([None])
        for _ in range(attempts):
            made.append(attempt(kind, rng, choose(chance, made)))
        return max(score for score in made if score is not None)

    return search


def ours(evidence: float, seed: int) -> TreeAlgorithm:
    """The package's own algorithm."""
    return WiderOrDeeper(evidence=evidence, seed=seed)


def searches() -> dict[str, Search]:
    """Everything that is compared."""
    found = {
        "only fresh attempts": choosing(lambda rng, made: None),
        "only refinement": choosing(lambda rng, made: made[-1]),
        "any node by chance": choosing(lambda rng, made: rng.choice(made)),
    }
    if find_spec("treequest"):
        import numpy as np

        treequest = import_module("treequest")

        def published(dist: str, seed: int) -> TreeAlgorithm:
            np.random.seed(seed)  # what its algorithms draw from
            algorithm: TreeAlgorithm = treequest.ABMCTSA(dist_type=dist)
            return algorithm

        for dist in ("beta", "gaussian"):
            found[f"treequest ABMCTSA, {dist}"] = by(partial(published, dist))
    for evidence in (1.0, 10.0):
        found[f"`WiderOrDeeper(evidence={evidence:g})`"] = by(partial(ours, evidence))
    return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=200, help="of each kind")
    parser.add_argument("--attempts", type=int, default=24)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    command = f"python -m benchmarks.tree_growth --questions {asked.questions} --attempts {asked.attempts}"
    lines = [
        "# Wider or deeper",
        "",
        f"`{command} --seed {asked.seed}`; mean best score, with its standard error.",
        "",
        f"| | {' | '.join(FRESH)} |",
        "|---|---|---|---|",
    ]
    for name, search in searches().items():
        cells = []
        for kind in FRESH:
            scores = [search(kind, asked.seed + number, asked.attempts) for number in range(asked.questions)]
            cells.append(f"{fmean(scores):.2f} +- {stdev(scores) / len(scores) ** 0.5:.2f}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "tree_growth.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
