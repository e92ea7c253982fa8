"""When refinement stops."""

from itertools import accumulate
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.outlook import Outlook
from tts_agent.stopping.refinement import Refinement, advance, limit, round_tokens

RATES = st.floats(0.0, 1.0)


@st.composite
def rules(draw: st.DrawFn) -> Refinement:
    rounds = draw(st.lists(st.tuples(RATES, st.floats(0.0, 0.6)), max_size=8))
    fixes, costs = tuple(fix for fix, _ in rounds), tuple(cost for _, cost in rounds)
    return Refinement(fixes, costs, draw(RATES), draw(st.floats(-0.5, 1.0)))


def value_of(rule: Refinement, start: int, rounds: int) -> float:
    """Going on for up to so many rounds, then the fallback."""
    value, wrong = 0.0, 1.0
    for fix, cost in list(zip(rule.fixes, rule.costs, strict=True))[start : start + rounds]:
        value += wrong * (fix - cost)
        wrong *= 1.0 - fix
    return value + wrong * max(0.0, rule.fallback)


@given(rule=rules(), failures=st.integers(0, 9))
def test_with_feedback_no_number_of_rounds_is_worth_more(rule: Refinement, failures: int) -> None:
    ahead = rule.outlook(failures)
    values = [value_of(rule, failures, n) for n in range(len(rule.fixes) + 1)]
    assert ahead.value == pytest.approx(max(values), abs=1e-9)
    assert value_of(rule, failures, ahead.most) == pytest.approx(ahead.value, abs=1e-9)
    assert rule.still_needed(failures) == (ahead.most > 0)


@given(rule=rules())
def test_asked_after_every_failure_it_makes_the_rounds_it_planned(rule: Refinement) -> None:
    made = 0
    while rule.still_needed(made):
        made += 1
    assert made == rule.outlook(0).most


def test_a_round_that_only_looks_around_is_made_for_the_sake_of_the_next() -> None:
    rule = Refinement((0.0, 0.8), (0.1, 0.1))
    ahead = rule.outlook(0)
    assert (ahead.move, ahead.most) == ("go_on", 2)
    assert (ahead.value, ahead.success, ahead.spent) == pytest.approx((0.6, 0.8, 0.2))
    assert Refinement((0.0,), (0.1,)).outlook(0).move == "give_up"


def test_growing_contexts_end_a_refinement_that_equal_prices_would_not() -> None:
    fixes = (0.2,) * 10
    assert Refinement(fixes, (0.1,) * 10).outlook(0).most == 10
    grown = tuple(1e-4 * tokens for tokens in round_tokens(prompt=200, answer=300, feedback=100, rounds=10))
    assert 0 < Refinement(fixes, grown).outlook(0).most < 10


def test_a_round_reads_everything_that_was_said_before() -> None:
    assert round_tokens(100, 50, 10, 3) == (100 + 60 + 50, 100 + 120 + 50, 100 + 180 + 50)


@given(p=RATES, fix=RATES, broken=RATES)
def test_a_round_gains_what_it_fixes_less_what_it_breaks(p: float, fix: float, broken: float) -> None:
    after = advance(p, fix, broken)
    assert after - p == pytest.approx((1.0 - p) * fix - p * broken, abs=1e-12)
    assert 0.0 <= after <= 1.0 + 1e-12


@given(p=RATES, fix=st.floats(0.01, 0.99), broken=st.floats(0.01, 0.99))
def test_the_chain_comes_to_its_limit_and_stays_there(p: float, fix: float, broken: float) -> None:
    end = limit(fix, broken)
    assert advance(end, fix, broken) == pytest.approx(end)
    for _ in range(2000):
        p = advance(p, fix, broken)
    assert p == pytest.approx(end, abs=1e-6)
    assert limit(0.0, 0.0) == 0.0


@given(fix=st.floats(0.01, 0.9), broken=st.floats(0.01, 0.9), above=st.floats(1e-6, 1.0), cost=st.floats(0.0, 0.1))
def test_answers_better_than_the_limit_are_never_revised_blindly(
    fix: float, broken: float, above: float, cost: float
) -> None:
    end = limit(fix, broken)
    right = end + above * (1.0 - end)
    if fix + broken <= 1.0:  # otherwise a chain jumps over its limit and back
        assert Refinement((fix,) * 6, (cost,) * 6, broken).blind(right).move == "give_up"


@given(rule=rules(), right=RATES)
def test_without_feedback_no_number_of_rounds_is_worth_more(rule: Refinement, right: float) -> None:
    path = list(accumulate(rule.fixes, lambda p, fix: advance(p, fix, rule.breaks), initial=right))
    spent = list(accumulate(rule.costs, initial=0.0))
    ahead = rule.blind(right)
    assert ahead.value == pytest.approx(max(p - c for p, c in zip(path, spent, strict=True)), abs=1e-9)
    assert ahead.success == pytest.approx(path[ahead.most], abs=1e-9)


@given(rule=rules(), right=RATES)
def test_feedback_is_never_worth_less_than_none(rule: Refinement, right: float) -> None:
    """With it, only wrong answers are revised, and no round is made in vain."""
    with_feedback = right + (1.0 - right) * rule.outlook(0).value
    assert with_feedback >= rule.blind(right).value - 1e-9


def test_giving_up_and_escalating_are_moves() -> None:
    assert Refinement((0.1,), (0.5,)).outlook() == Outlook("give_up", 0.0, 0.0, 0.0, 0)
    assert Refinement((0.1,), (0.5,), fallback=0.3).outlook() == Outlook("escalate", 0.3, 0.0, 0.0, 0)
    assert Refinement((0.9,), (0.05,), fallback=0.3).outlook().value == pytest.approx(0.9 + 0.1 * 0.3 - 0.05)


def test_its_value_is_what_a_simulation_earns() -> None:
    rule = Refinement((0.05, 0.4, 0.3, 0.2, 0.1), (0.05, 0.06, 0.07, 0.08, 0.09), fallback=0.05)
    chance, earned, runs = Random(3), 0.0, 20_000
    for _ in range(runs):
        made = 0
        while rule.still_needed(made):
            earned -= rule.costs[made]
            if chance.random() < rule.fixes[made]:
                earned += 1.0
                break
            made += 1
        else:
            earned += rule.fallback
    assert earned / runs == pytest.approx(rule.outlook().value, abs=0.015)


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="2 rounds cannot have 1 prices"):
        Refinement((0.1, 0.1), (0.1,))
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        Refinement((1.1,), (0.1,))
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        Refinement((), (), breaks=-0.1)
    with pytest.raises(ConfigurationError, match="prices of rounds"):
        Refinement((0.1,), (-0.1,))
    with pytest.raises(ConfigurationError, match="token counts"):
        round_tokens(-1, 1, 1, 2)
