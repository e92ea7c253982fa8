"""How long a decision takes: ``python -m benchmarks.decision``.

Times, on one core, what happens after every batch of a vote (count the votes, P(correct), look up how many more to
draw) under the price rule, and next to it Adaptive-Consistency's criterion and the posterior computed afresh; then how
long a table takes to build. Prints medians with quartiles, and ratios to the price rule with their spread.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from random import Random
from statistics import quantiles
from time import perf_counter

from tts_agent.population import Components, Population, VoteCounts, fit_population
from tts_agent.stopping import AdaptiveConsistency, PriceRule, Prices
from tts_agent.stopping.price_table import price_table
from tts_agent.voting import Tally


def population(questions: int, rng: Random) -> Population:
    """A class of steps as it is fitted in practice: 200 questions of 16 samples, pruned."""
    counts = []
    for _ in range(questions):
        p = rng.betavariate(1.0, 0.6)
        right = sum(rng.random() < p for _ in range(16))
        wrong = 16 - right
        counts.append(VoteCounts(right, tuple(share for share in (wrong // 2, wrong - wrong // 2) if share)))
    return fit_population(counts).pruned(0.01)


def votes(rng: Random, most: int) -> tuple[str, ...]:
    """Between one vote and ``most``, for a handful of answers."""
    answers = ["a", "a", "a", "b", "b", "c", *(f"other {n}" for n in range(6))]
    return tuple(rng.choices(answers, k=rng.randint(1, most)))


def seconds(decide: Callable[[Tally], object], cast: list[tuple[str, ...]]) -> list[float]:
    """Seconds of each decision, the counting of the votes included."""
    times = []
    for each in cast:
        start = perf_counter()
        decide(Tally(each))
        times.append(perf_counter() - start)
    return times


def report(name: str, times: list[float], base: list[float]) -> None:
    """One line: quartiles in microseconds, and quartiles of the ratio to the base."""
    low, middle, high = quantiles(times, n=4)
    ratio = quantiles([time / reference for time, reference in zip(times, base, strict=True)], n=4)
    print(
        f"{name:34} {middle * 1e6:9.1f} us ({low * 1e6:.1f} to {high * 1e6:.1f})"
        f"   x{ratio[1]:.1f} ({ratio[0]:.1f} to {ratio[2]:.1f})"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decisions", type=int, default=4000)
    parser.add_argument("--samples", type=int, default=40, help="horizon of the rules")
    options = parser.parse_args()
    rng = Random(0)
    known = population(200, rng)
    print(f"{len(known.weights)} of {len(Components.grid())} kinds of questions left after pruning")
    for horizon in (12, 16, options.samples):
        start = perf_counter()
        price_table(known, horizon, Prices(0.004))
        first = perf_counter()
        price_table(known, horizon, Prices(0.002))
        again = perf_counter()
        price_table(known, horizon, Prices(0.002, call=0.004))
        batches = perf_counter()
        print(
            f"table for {horizon:3} samples: {first - start:6.3f} s; at another price {1e3 * (again - first):.1f} ms, "
            f"with batches {1e3 * (batches - again):.1f} ms"
        )
    rule = PriceRule(known, Prices(0.004), options.samples)
    published = AdaptiveConsistency(0.95, options.samples)
    cast = [votes(rng, options.samples) for _ in range(options.decisions)]
    seconds(rule.still_needed, cast[:50])
    base = seconds(rule.advice, cast)
    report("price rule: posterior and look-up", base, base)
    report("Adaptive-Consistency (.95)", seconds(published.still_needed, cast), base)
    report("posterior computed afresh", seconds(known.posterior, cast), base)


if __name__ == "__main__":
    main()
