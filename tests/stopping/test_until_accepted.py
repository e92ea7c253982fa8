"""Drawing for an exact verifier."""

from dataclasses import replace
from math import prod
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.stopping import UntilAccepted
from tts_agent.stopping.outlook import Outlook
from tts_agent.voting import Tally

BELIEFS = st.builds(Beta, st.floats(0.2, 9.0), st.floats(0.2, 9.0))


def rejected(n: int) -> Tally:
    return Tally(("wrong",) * n)


def tries(rule: UntilAccepted) -> int:
    """Tries it makes if all are rejected."""
    drawn = 0
    while more := rule.still_needed(rejected(drawn)):
        drawn += more
    return drawn


def test_it_goes_on_while_the_next_try_is_worth_its_price() -> None:
    rule = UntilAccepted(Beta(1.0, 1.0), cost=0.2, max_samples=16)
    assert [rule.still_needed(rejected(k)) for k in range(4)] == [1, 1, 1, 0]  # 1/2, 1/3, 1/4, 1/5


@given(prior=BELIEFS, cost=st.floats(0.0, 0.6), most=st.integers(1, 20), batch=st.integers(1, 6))
def test_batches_hold_only_tries_that_are_each_worth_it(prior: Beta, cost: float, most: int, batch: int) -> None:
    one, many = UntilAccepted(prior, cost, most), UntilAccepted(prior, cost, most, batch)
    assert tries(one) == tries(many) <= most
    assert all(many.still_needed(rejected(k)) <= batch for k in range(most + 2))


def test_free_tries_go_to_the_cap_and_dear_ones_are_not_made() -> None:
    assert tries(UntilAccepted(Beta(0.1, 9.0), 0.0, 7, 3)) == 7
    assert tries(UntilAccepted(Beta(9.0, 0.1), 1.0, 7)) == 0
    assert UntilAccepted(Beta(9.0, 0.1), 1.0, 7).value() == 0.0


@given(prior=BELIEFS, cost=st.floats(0.0, 0.6), most=st.integers(1, 20))
def test_its_value_is_exact(prior: Beta, cost: float, most: int) -> None:
    rule = UntilAccepted(prior, cost, most)

    def all_fail(k: int) -> float:
        return prod((prior.b + i) / (prior.concentration + i) for i in range(k))

    n = tries(rule)
    expected = 1.0 - all_fail(n) - cost * sum(all_fail(k) for k in range(n))
    assert rule.value() == pytest.approx(expected, abs=1e-9)


def test_its_value_is_what_a_simulation_earns() -> None:
    rule, chance, earned, runs = UntilAccepted(Beta(1.0, 2.0), 0.15, 10), Random(7), 0.0, 20_000
    for _ in range(runs):
        p, failures = chance.betavariate(1.0, 2.0), 0
        while rule.still_needed(rejected(failures)):
            earned -= rule.cost
            if chance.random() < p:
                earned += 1.0
                break
            failures += 1
    assert earned / runs == pytest.approx(rule.value(), abs=0.015)


@given(prior=BELIEFS, cost=st.floats(0.0, 0.6), most=st.integers(1, 20), n=st.integers(0, 20))
def test_no_fixed_number_of_tries_is_worth_more(prior: Beta, cost: float, most: int, n: int) -> None:
    fixed, reached = 0.0, 1.0
    for k in range(min(n, most)):
        passes = prior.a / (prior.concentration + k)
        fixed += reached * (passes - cost)
        reached *= 1.0 - passes
    assert UntilAccepted(prior, cost, most).value() >= fixed - 1e-9


@pytest.mark.parametrize(("cost", "most", "batch"), [(-0.1, 5, 1), (0.1, 0, 1), (0.1, 5, 0)])
def test_senseless_settings_are_refused(cost: float, most: int, batch: int) -> None:
    with pytest.raises(ConfigurationError, match="cost must be >= 0"):
        UntilAccepted(Beta(1.0, 1.0), cost, most, batch)


# ------------------------------------------------------------------ false accepts, fallbacks, and what lies ahead

RULES = st.builds(
    UntilAccepted,
    prior=BELIEFS,
    cost=st.floats(0.0, 0.6),
    max_samples=st.integers(1, 20),
    false_accept=st.floats(0.0, 1.0),
    harm=st.floats(0.0, 2.0),
    fallback=st.floats(-0.5, 1.0),
)


def by_induction(rule: UntilAccepted, failures: int) -> float:
    """The value by backward induction over everything that may happen, without using that chances only fall."""
    value = max(0.0, rule.fallback)
    for k in range(rule.max_samples - 1, failures - 1, -1):
        p = rule.prior.a / (rule.prior.concentration + k)
        wrongly, rejected = (1.0 - p) * rule.false_accept, (1.0 - p) * (1.0 - rule.false_accept)
        value = max(0.0, rule.fallback, p - wrongly * rule.harm + rejected * value - rule.cost)
    return value


@given(rule=RULES, failures=st.integers(0, 20))
def test_it_is_optimal_to_the_horizon(rule: UntilAccepted, failures: int) -> None:
    ahead = rule.outlook(failures)
    assert ahead.value == pytest.approx(by_induction(rule, failures), abs=1e-9)
    assert (ahead.move == "go_on") == (rule.still_needed(rejected(failures)) > 0)


@given(rule=RULES)
def test_the_outlook_says_how_its_value_comes_about(rule: UntilAccepted) -> None:
    ahead = rule.outlook(0)
    assert ahead.most == tries(rule)
    assert ahead.value >= max(0.0, rule.fallback) - 1e-12
    if rule.false_accept == 0.0 and rule.fallback <= 0.0:
        assert ahead.value == pytest.approx(ahead.success - ahead.spent, abs=1e-9)


@given(rule=RULES, more=st.floats(0.0, 0.5))
def test_a_verifier_that_lets_more_through_is_never_worth_more(rule: UntilAccepted, more: float) -> None:
    worse = replace(rule, false_accept=min(1.0, rule.false_accept + more))
    assert worse.value() <= rule.value() + 1e-9
    assert tries(worse) <= tries(rule)


@given(rule=RULES, more=st.floats(0.0, 0.5))
def test_a_better_fallback_ends_the_search_sooner(rule: UntilAccepted, more: float) -> None:
    assert tries(replace(rule, fallback=min(1.0, rule.fallback + more))) <= tries(rule)


def test_giving_up_and_escalating_are_moves() -> None:
    hopeless = UntilAccepted(Beta(0.1, 30.0), cost=0.05)
    assert hopeless.outlook(0) == Outlook("give_up", 0.0, 0.0, 0.0, 0)
    assert replace(hopeless, fallback=0.4).outlook(0) == Outlook("escalate", 0.4, 0.0, 0.0, 0)
    assert replace(hopeless, cost=0.001).outlook(0).move == "go_on"


def test_harm_of_false_accepts_is_what_a_simulation_loses() -> None:
    rule = UntilAccepted(Beta(1.0, 2.0), 0.05, 10, false_accept=0.2, harm=0.5, fallback=0.1)
    chance, earned, runs = Random(9), 0.0, 20_000
    for _ in range(runs):
        p, failures = chance.betavariate(1.0, 2.0), 0
        while rule.still_needed(rejected(failures)):
            earned -= rule.cost
            if chance.random() < p:
                earned += 1.0
                break
            if chance.random() < rule.false_accept:
                earned -= rule.harm
                break
            failures += 1
        else:
            earned += rule.fallback
    assert earned / runs == pytest.approx(rule.value(), abs=0.015)


@pytest.mark.parametrize("settings", [{"false_accept": 1.1}, {"false_accept": -0.1}, {"harm": -1.0}, {"fallback": 1.1}])
def test_impossible_verifiers_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="false_accept must be between 0 and 1"):
        UntilAccepted(Beta(1.0, 1.0), 0.1, **settings)  # type: ignore[arg-type]
