"""Chooses the embedded model's settings from the estimator and tuning splits; demo and test stay unseen.

    python -m training.tune --bank bank.jsonl --questions 600

Measures, per class of steps, how wrong answers scatter (theta, maximum likelihood on the recorded bank) and
how often a round of refinement repairs a wrong attempt (fix rate); fits the population prior; then runs the
production agent at a grid of prices on the tuning split and keeps two of them, by the rules of `choose`.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from dataclasses import replace
from math import exp, lgamma, log
from pathlib import Path
from typing import Any

from scipy.optimize import minimize, minimize_scalar

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
from tts_agent.embedded.tasks import FAMILIES, Problem, Split
from tts_agent.probability import Beta, log_beta
from tts_agent.routing import ClassProfile, Fixed
from tts_agent.samplers.shared import SharedDraws
from tts_agent.sampling import Sampler
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, SequentialRefinement

PRICES = [1e-3 * 2.0 ** (-0.7 * step) for step in range(13)]
"""From 1,000 to about 340,000 tokens a correct answer."""


def fit_theta(rows: list[dict[str, Any]]) -> float:
    """Maximum likelihood of the Ewens concentration from how the wrong votes of each question cluster."""
    partitions = []
    for row in rows:
        wrong = [s["answer"] for s in row["samples"] if not s["correct"] and s["answer"] is not None]
        if len(wrong) > 1:
            partitions.append((len(set(wrong)), len(wrong)))

    def loss(log_theta: float) -> float:
        theta = exp(log_theta)
        return -sum(k * log(theta) + lgamma(theta) - lgamma(theta + m) for k, m in partitions)

    found = minimize_scalar(loss, bounds=(log(0.05), log(200.0)), method="bounded")
    return exp(float(found.x)) if partitions else ClassProfile().theta


def fit_population(rows: list[dict[str, Any]]) -> Beta:
    """Maximum likelihood of a Beta over pass@1 from the counts of all questions."""
    counts = [(sum(s["correct"] for s in row["samples"]), len(row["samples"])) for row in rows]

    def loss(logs: Any) -> float:
        a, b = exp(logs[0]), exp(logs[1])
        return -sum(log_beta(a + k, b + n - k) - log_beta(a, b) for k, n in counts)

    found = minimize(loss, (0.0, 0.0), method="Nelder-Mead").x
    return Beta(exp(float(found[0])), exp(float(found[1])))


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
    """Measure, choose, and write settings.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank", type=Path, required=True)
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.bank.read_text(encoding="utf-8").splitlines()]
    sampler = SharedDraws(EmbeddedSampler())
    by_kind = defaultdict(list)
    for row in rows:
        by_kind[row["kind"]].append(row)
    practice = problems(Split.ESTIMATOR, arguments.questions, arguments.seed)
    fix_rates = {kind: measure_fix_rate(kind, practice, sampler, arguments.seed) for kind in embedded_verifiers()}
    profiles = {
        kind: ClassProfile(theta=round(fit_theta(by_kind[kind]), 3), fix_rate=round(fix_rates.get(kind, 0.0), 3))
        for kind in FAMILIES
    }
    population = fit_population(rows)
    print("profiles", profiles, "population", population)

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
        "profiles": {
            kind: {"theta": profile.theta, "fix_rate": profile.fix_rate} for kind, profile in profiles.items()
        },
    }
    SETTINGS_FILE.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    print("price", price, "price_matched", price_matched)


if __name__ == "__main__":
    main()
