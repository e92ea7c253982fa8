"""Fix rates of refinement rounds."""

from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.stopping.fix_rates import FixRates, RoundCounts

TASKS = st.lists(st.lists(st.booleans(), min_size=1, max_size=6), min_size=1, max_size=12)


def simulated(belief: Beta, tasks: int = 4000, turns: int = 8, seed: int = 1) -> list[list[bool]]:
    """Tasks of constant own rates, recorded to the first success."""
    chance, made = Random(seed), []
    for _ in range(tasks):
        p, right = chance.betavariate(belief.a, belief.b), [False]
        while len(right) < turns and not right[-1]:
            right.append(chance.random() < p)
        made.append(right)
    return made


def test_counts_of_what_became_of_wrong_and_of_right_answers() -> None:
    tasks = [[False, False, True], [True], [False], [], [True, False, True, True]]
    assert RoundCounts.of(tasks) == RoundCounts(2, 4, (0, 2, 0), (1, 2, 0), broken=1, kept=1)


def test_tasks_that_differ_are_predicted_where_one_rate_is_not() -> None:
    tasks = simulated(Beta(0.5, 1.5))
    counts = RoundCounts.of(tasks)
    curve = FixRates.fit(counts, (inf,))
    (only,) = curve.curves
    assert only.belief.mean == pytest.approx(0.25, abs=0.03)
    assert only.belief.concentration == pytest.approx(2.0, rel=0.3)
    solved = [sum(any(turns[:t]) for turns in tasks) / len(tasks) for t in range(1, 9)]
    one_rate = sum(counts.fixed) / sum(counts.at_risk)
    assert max(abs(a - b) for a, b in zip(solved, curve.solved(8), strict=True)) < 0.015
    assert max(abs(a - (1.0 - (1.0 - one_rate) ** t)) for t, a in enumerate(solved)) > 0.08


def test_rounds_that_differ_in_kind_get_rates_of_their_own() -> None:
    """Round 1 looks around and fixes nothing, round 2 answers."""
    chance, tasks = Random(2), []
    for _ in range(800):
        right = [False, chance.random() < 0.02]
        while len(right) < 6 and not right[-1]:
            right.append(chance.random() < 0.3)
        tasks.append(right)
    rates = FixRates.fit(RoundCounts.of(tasks))
    assert rates.rate(1) == pytest.approx(0.02, abs=0.02)
    assert all(rate == pytest.approx(0.3, abs=0.06) for rate in rates.rates(5)[1:])


def test_a_few_tasks_stay_near_the_curve_and_many_near_their_counts() -> None:
    few, many = RoundCounts(0, 9, (3, 2, 2), (9, 6, 4)), RoundCounts(0, 9000, (3000, 300, 3000), (9000, 6000, 5700))
    assert FixRates.fit(few).rate(2) == pytest.approx(1 / 3, abs=0.12)
    assert FixRates.fit(many).rate(2) == pytest.approx(0.05, abs=0.01)


@given(tasks=TASKS)
def test_any_record_gives_rates_that_are_probabilities(tasks: list[list[bool]]) -> None:
    rates = FixRates.fit(RoundCounts.of(tasks))
    assert sum(curve.share for curve in rates.curves) == pytest.approx(1.0)
    assert all(0.0 < rate < 1.0 for rate in (rates.attempt, rates.breaks, *rates.rates(12)))
    assert list(rates.solved(12)) == sorted(rates.solved(12))
    assert rates.solved(1) == pytest.approx((rates.attempt,))


def test_without_any_record_everything_is_open() -> None:
    rates = FixRates.fit(RoundCounts.of([]))
    assert (rates.attempt, rates.breaks, rates.rate(1)) == pytest.approx((0.5, 0.5, 0.5))


def test_the_break_rate_counts_right_answers_that_were_revised() -> None:
    assert FixRates.fit(RoundCounts(5, 9, (1,), (4,), broken=3, kept=97)).breaks == pytest.approx(3.5 / 101)


def test_impossible_counts_and_rounds_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="0 <= fixed <= at_risk"):
        RoundCounts(0, 3, (2,), (1,))
    with pytest.raises(ConfigurationError, match="0 <= fixed <= at_risk"):
        RoundCounts(0, 3, (2, 1), (3,))
    with pytest.raises(ConfigurationError, match="not more attempts right than made"):
        RoundCounts(4, 3, (), ())
    with pytest.raises(ConfigurationError, match="there is no round 0"):
        FixRates.fit(RoundCounts(1, 2, (1,), (1,))).rate(0)
    with pytest.raises(ConfigurationError, match="strengths must be above 0"):
        FixRates.fit(RoundCounts(1, 2, (1,), (1,)), (0.0,))
