"""Refinement that looks at what the last round was like."""

from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.outlook import Outlook
from tts_agent.stopping.refinement import Refinement
from tts_agent.stopping.signalled_refinement import Round, SignalledRefinement, SignalRates

ROUNDS = st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 0.5)), min_size=1, max_size=6)


def simulated(tasks: int, seed: int, *, telling: bool) -> list[list[Round]]:
    """Up to five rounds; a round is an error (signal 1) half of the time. After one, a fix is rare, if `telling`."""
    chance, made = Random(seed), []
    for _ in range(tasks):
        task: list[Round] = []
        signal = 0
        while len(task) < 5 and not (task and task[-1][0]):
            right = chance.random() < ((0.02 if signal else 0.5) if telling else 0.25)
            signal = int(chance.random() < 0.5)
            task.append((right, signal))
        made.append(task)
    return made


def test_telling_signals_are_learned_and_empty_ones_are_not_believed() -> None:
    rates = (0.3,) * 5
    telling = SignalRates.fit(simulated(2000, 1, telling=True), rates, 2)
    assert telling.fixes[2] == pytest.approx((0.5, 0.02), abs=0.06)
    assert telling.moves[2][0] == pytest.approx((0.5, 0.5), abs=0.06)
    empty = SignalRates.fit(simulated(2000, 1, telling=False), (0.25,) * 5, 2)
    assert empty.strength >= 64.0
    assert all(rate == pytest.approx(0.25, abs=0.04) for row in empty.fixes for rate in row)


def test_it_stops_after_an_error_and_goes_on_otherwise() -> None:
    rates = SignalRates.fit(simulated(2000, 1, telling=True), (0.5, 0.27, 0.27, 0.27, 0.27), 2)
    rule = SignalledRefinement(rates, (0.3,) * 5)
    assert (rule.still_needed(2, 0), rule.still_needed(2, 1)) == (1, 0)


def play(tasks: list[list[Round]], rule: SignalledRefinement) -> float:
    earned = 0.0
    for task in tasks:
        signal = 0
        for t, (right, after) in enumerate(task):
            if not rule.still_needed(t, signal):
                break
            earned += right - rule.costs[t]
            signal = after
    return earned / len(tasks)


def test_signals_earn_more_than_any_fixed_number_of_rounds_and_what_was_foreseen() -> None:
    train, test = simulated(3000, 1, telling=True), simulated(6000, 2, telling=True)
    rates = tuple(
        sum(task[t][0] for task in train if len(task) > t) / sum(len(task) > t for task in train) for t in range(5)
    )
    costs = (0.2,) * 5
    rule = SignalledRefinement(SignalRates.fit(train, rates, 2), costs)
    earned = play(test, rule)
    assert earned == pytest.approx(rule.outlook().value, abs=0.02)
    fixed = [sum(sum(right - 0.2 for right, _ in task[:n]) for task in test) / len(test) for n in range(6)]
    assert earned > max(fixed) + 0.02


@given(rounds=ROUNDS, fallback=st.floats(-0.2, 0.8), signals=st.integers(1, 3))
def test_signals_that_say_nothing_give_the_plain_rule(
    rounds: list[tuple[float, float]], fallback: float, signals: int
) -> None:
    fixes, costs = tuple(fix for fix, _ in rounds), tuple(cost for _, cost in rounds)
    plain = Refinement(fixes, costs, fallback=fallback)
    rates = SignalRates.fit([], fixes, signals)
    rule = SignalledRefinement(rates, costs, fallback)
    for failures in range(len(fixes) + 1):
        for signal in range(signals):
            own, other = rule.outlook(failures, signal), plain.outlook(failures)
            assert own.value == pytest.approx(other.value, abs=1e-9)
            assert own.value >= max(0.0, fallback) - 1e-12


@given(
    tasks=st.lists(st.lists(st.tuples(st.booleans(), st.integers(0, 2)), max_size=4), max_size=10),
    rates=st.lists(st.floats(0.0, 1.0), min_size=4, max_size=4),
)
def test_whatever_was_recorded_gives_probabilities(tasks: list[list[Round]], rates: list[float]) -> None:
    fitted = SignalRates.fit(tasks, rates, 3)
    assert all(0.0 <= rate <= 1.0 for row in fitted.fixes for rate in row)
    assert all(sum(row) == pytest.approx(1.0) for each in fitted.moves for row in each)


def test_the_end_of_the_horizon_gives_up_or_escalates() -> None:
    rates = SignalRates.fit([], (0.9,), 1)
    assert SignalledRefinement(rates, (0.1,)).outlook(1) == Outlook("give_up", 0.0, 0.0, 0.0, 0)
    assert SignalledRefinement(rates, (0.1,), 0.2).outlook(5).move == "escalate"
    assert rates.strength in (4.0, inf)


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1 is needed"):
        SignalRates.fit([], (0.5,), 0)
    with pytest.raises(ConfigurationError, match="signal 2 is none of the 2"):
        SignalRates.fit([[(False, 2)]], (0.5,), 2)
    with pytest.raises(ConfigurationError, match="1 rounds cannot have 2 prices"):
        SignalledRefinement(SignalRates.fit([], (0.5,), 1), (0.1, 0.1))
    with pytest.raises(ConfigurationError, match="prices of rounds"):
        SignalledRefinement(SignalRates.fit([], (0.5,), 1), (-0.1,))
