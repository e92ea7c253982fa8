"""Chooses the embedded model's settings from the estimator and tuning splits; demo and test stay unseen.

    python -m training.tune --bank bank.jsonl --questions 600

Measures, per class of steps, which kinds of questions it holds (a population, fitted on the recorded bank) and
how often a round of refinement repairs a wrong attempt (fix rate); then runs the production agent at a grid of
prices on the tuning split and keeps two of them, by the rules of `choose`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tts_agent.demo.policies import Contender
from tts_agent.demo.run import UNLIMITED, Run, run_contender
from tts_agent.demo.summary import without_verifier
from tts_agent.difficulty.estimator import DifficultyEstimator
from tts_agent.embedded import ESTIMATOR_FOLDER, EmbeddedSampler
from tts_agent.embedded.defaults import (
    MAX_SAMPLES,
    SETTINGS_FILE,
    embedded_feedback,
    embedded_policy,
    embedded_verifiers,
)
from tts_agent.embedded.problems import problems
from tts_agent.embedded.tasks import Problem, Split
from tts_agent.learning.class_profiles import class_profiles
from tts_agent.population import VoteCounts
from tts_agent.routing import Fixed
from tts_agent.samplers.shared import SharedDraws
from tts_agent.sampling import Sampler
from tts_agent.stopping import FixedSize
from tts_agent.stopping.beta_fit import fit_passes
from tts_agent.strategies import SelfConsistency, SequentialRefinement

PRICES = [1e-3 * 2.0 ** (-0.7 * step) for step in range(13)]
"""From 1,000 to about 340,000 tokens a correct answer."""


def vote_counts(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[VoteCounts]]:
    """By class of step, how the answers to each question of a recorded bank fell."""
    found: dict[str, list[VoteCounts]] = {}
    for row in rows:
        counts = VoteCounts.of((sample["answer"], sample["correct"]) for sample in row["samples"])
        found.setdefault(row["kind"], []).append(counts)
    return found


def measure_fix_rate(kind: str, practice: list[Problem], sampler: Sampler, seed: int) -> float:
    """Rounds of refinement that repaired a wrong attempt, of all rounds (up to four a problem)."""
    strategy = SequentialRefinement(embedded_verifiers()[kind], max_rounds=4, feedback=embedded_feedback)
    own = [problem for problem in practice if problem.family == kind]
    run = run_contender(Contender(kind, Fixed(strategy)), own, sampler, None, limit=UNLIMITED, seed=seed)
    rounds = repaired = 0
    for row in run.rows:
        judged = [event["accepted"] for event in row.events if event["event"] == "verified"]
        rounds += len(judged) - 1
        repaired += sum(judged[1:])
    return repaired / rounds if rounds else 0.0


def choose(sweep: dict[float, Run], sc_5: Run, sc_15: Run) -> tuple[float, float]:
    """The two prices to ship.

    Returns:
        The highest price at which ours is at most .005 below SC-15 on the families that nothing verifies; and
        the lowest one at which it spends at most 95 % of what SC-5 spends.
    """
    target = without_verifier(sc_15).accuracy - 0.005
    good = [price for price, run in sweep.items() if without_verifier(run).accuracy >= target]
    cheap = [price for price, run in sweep.items() if run.spent <= 0.95 * sc_5.spent]
    return max(good, default=min(sweep)), min(cheap, default=max(sweep))


def main() -> None:
    """Measure, choose, and write settings.json and the estimator's profiles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.bank.read_text(encoding="utf-8").splitlines()]
    sampler = SharedDraws(EmbeddedSampler())
    practice = problems(Split.ESTIMATOR, arguments.questions, arguments.seed)
    fix_rates = {kind: measure_fix_rate(kind, practice, sampler, arguments.seed) for kind in embedded_verifiers()}
    profiles = {
        kind: replace(profile, fix_rate=round(fix_rates.get(kind, 0.0), 3))
        for kind, profile in class_profiles(vote_counts(rows)).items()
    }
    population = fit_passes((sum(s["correct"] for s in row["samples"]), len(row["samples"])) for row in rows)
    for kind, profile in profiles.items():
        print(f"{kind:>10} {profile.reference} fix rate {profile.fix_rate}")

    estimator = DifficultyEstimator.load(ESTIMATOR_FOLDER)
    held_out = problems(Split.TUNING, arguments.questions, arguments.seed)

    def measure(contender: Contender) -> Run:
        run = run_contender(contender, held_out, sampler, estimator, limit=UNLIMITED, seed=arguments.seed)
        unverified = without_verifier(run).accuracy
        print(f"{contender.name:>12} {run.accuracy:.4f} {unverified:.4f} {run.spent:>9,}", flush=True)
        return run

    sc_5, sc_15 = (measure(Contender(f"sc_{n}", Fixed(SelfConsistency(FixedSize(n))))) for n in (5, MAX_SAMPLES))
    base = replace(embedded_policy(1.0, profiles), prior=population)
    sweep = {price: measure(Contender(f"{price:.2e}", replace(base, price=price), estimates=True)) for price in PRICES}
    price, price_matched = choose(sweep, sc_5, sc_15)
    settings = json.loads(SETTINGS_FILE.read_text(encoding="utf-8"))
    settings |= {
        "price": price,
        "price_matched": price_matched,
        "population": [round(population.a, 4), round(population.b, 4)],
    }
    SETTINGS_FILE.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    estimator.with_profiles({kind: profile.to_json() for kind, profile in profiles.items()}).save(ESTIMATOR_FOLDER)
    print("price", price, "price_matched", price_matched)


if __name__ == "__main__":
    main()
