"""Stopping by price."""

from collections import Counter
from collections.abc import Hashable, Iterator
from functools import cache
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.stopping import PriceRule, Prices
from tts_agent.voting import Tally, posterior

CASES = [  # beliefs and prices that the tables hold exactly, and theta
    (Beta.of(0.5, 2.0), 1.0, 2.0**-6.5),
    (Beta.of(0.7, 4.0), 1.0, 2.0**-8.25),
    (Beta.of(0.3, 2.0), 3.0, 2.0**-5.75),
    (Beta.of(0.8, 0.5), 0.3, 2.0**-4.25),
    (Beta.of(0.6, 8.0), 10.0, 2.0**-10),
]
VOTES = st.lists(st.sampled_from(["a", "a", "b", "c", "d", None]), max_size=14).map(tuple)

# ------------------------------------------------------------------------- everything that can happen, up to 5 votes


def next_votes(tally: Tally, prior: Beta, theta: float) -> Iterator[tuple[Tally, float]]:
    """Each vote that may come next and its probability, from who may be right and how wrong votes repeat."""
    belief, total = posterior(tally, prior, theta), prior.concentration + tally.drawn
    chances: dict[str, float] = {}
    fresh = f"answer {len(tally.counts)}"
    for right, weight in [*belief.correct.items(), (fresh, belief.unseen)]:
        count = tally.counts.get(right, 0)
        again = (prior.a + count) / total
        chances[str(right)] = chances.get(str(right), 0.0) + weight * again
        wrong = tally.drawn - count
        for other, votes in tally.counts.items():
            if other != right:
                here = weight * (1.0 - again) * votes / (theta + wrong)
                chances[str(other)] = chances.get(str(other), 0.0) + here
        chances[fresh] = chances.get(fresh, 0.0) + weight * (1.0 - again) * theta / (theta + wrong)
    assert sum(chances.values()) == pytest.approx(1.0)
    for vote, chance in chances.items():
        yield tally.add([vote]), chance


def after(tally: Tally, n: int, prior: Beta, theta: float) -> Iterator[tuple[Tally, float]]:
    if n == 0:
        yield tally, 1.0
        return
    for longer, chance in next_votes(tally, prior, theta):
        for longest, further in after(longer, n - 1, prior, theta):
            yield longest, chance * further


def p_leader(tally: Tally, prior: Beta, theta: float) -> float:
    return posterior(tally, prior, theta).of(tally.leader)


def fixed_value(n: int, prior: Beta, theta: float, cost: float) -> float:
    return sum(c * p_leader(t, prior, theta) for t, c in after(Tally(), n, prior, theta)) - n * cost


def earned(rule: PriceRule, tally: Tally, prior: Beta, theta: float) -> float:
    """What following the rule is worth, summed over everything that can happen."""
    needed = rule.still_needed(tally)
    if needed == 0:
        return p_leader(tally, prior, theta)
    ways = after(tally, needed, prior, theta)
    onward = sum(chance * earned(rule, there, prior, theta) for there, chance in ways)
    return onward - rule.prices.of(needed)


@pytest.mark.parametrize("round_cost", [0.0, 2.0**-6])
@pytest.mark.parametrize(("prior", "theta", "cost"), CASES)
def test_no_way_to_draw_up_to_five_samples_is_worth_more(
    prior: Beta, theta: float, cost: float, round_cost: float
) -> None:
    rule = PriceRule(Population.of(prior, theta), Prices(cost, round_cost), 5)

    @cache
    def best(votes: tuple[Hashable, ...]) -> float:
        tally = Tally(votes)
        values = [p_leader(tally, prior, theta)]
        for batch in (1, 2, 4):
            if tally.drawn + batch <= rule.max_samples:
                ways = after(tally, batch, prior, theta)
                onward = sum(chance * best(there.votes) for there, chance in ways)
                values.append(onward - batch * cost - round_cost)
        return max(values)

    assert rule.value(Tally()) == pytest.approx(best(()), abs=1e-6)
    assert earned(rule, Tally(), prior, theta) == pytest.approx(best(()), abs=1e-6)


@pytest.mark.parametrize(("prior", "theta", "cost"), CASES)
def test_no_fixed_number_of_samples_is_worth_more(prior: Beta, theta: float, cost: float) -> None:
    rule = PriceRule(Population.of(prior, theta), Prices(cost), 5)
    for n in range(6):
        assert rule.value(Tally()) >= fixed_value(n, prior, theta, cost) - 1e-6


# ------------------------------------------------------------------------------------------ longer, by simulation


def streams(prior: Beta, theta: float, n: int, runs: int) -> Iterator[list[str]]:
    """Votes as the Beta-Ewens model draws them."""
    chance = Random(11)
    for _ in range(runs):
        p, wrong, votes = chance.betavariate(prior.a, prior.b), Counter[str](), list[str]()
        for _ in range(n):
            if chance.random() < p:
                votes.append("right")
                continue
            point = chance.random() * (theta + wrong.total())
            old = chance.choices(list(wrong), list(wrong.values()))[0] if point >= theta else None
            votes.append(old or f"wrong {len(wrong)}")
            wrong[votes[-1]] += 1
        yield votes


@pytest.mark.parametrize(("prior", "theta", "cost"), [CASES[0], CASES[2]])
def test_in_simulation_it_earns_what_it_says_and_more_than_any_fixed_number(
    prior: Beta, theta: float, cost: float
) -> None:
    most, runs = 12, 3000
    rule = PriceRule(Population.of(prior, theta), Prices(cost), most)
    ours, fixed = 0.0, [0.0] * (most + 1)
    for votes in streams(prior, theta, most, runs):
        tally = Tally()
        while needed := rule.still_needed(tally):
            tally = tally.add(votes[tally.drawn : tally.drawn + needed])
        ours += (tally.leader == "right") - cost * tally.drawn
        for n in range(1, most + 1):
            fixed[n] += (Tally(tuple(votes[:n])).leader == "right") - cost * n
    assert ours / runs == pytest.approx(rule.value(Tally()), abs=0.03)
    assert ours / runs >= max(fixed) / runs - 0.005


# ------------------------------------------------------------------------------------------------- limits and prices


@given(votes=VOTES, most=st.integers(1, 9), cost=st.sampled_from([0.0, 0.003, 0.05]))
@settings(max_examples=60)
def test_it_never_asks_beyond_the_most_samples(votes: tuple[Hashable | None, ...], most: int, cost: float) -> None:
    rule = PriceRule(Population.of(Beta.of(0.5, 2.0), 1.0), Prices(cost), most)
    assert 0 <= rule.still_needed(Tally(votes)) <= max(0, most - len(votes))


@given(votes=VOTES)
@settings(max_examples=30)
def test_at_a_price_of_a_whole_answer_it_never_draws(votes: tuple[Hashable | None, ...]) -> None:
    rule = PriceRule(Population.of(Beta.of(0.5, 2.0), 1.0), Prices(1.0), 6)
    assert rule.still_needed(Tally(votes)) == 0
    assert 0.0 <= rule.value(Tally(votes)) <= 1.0


@pytest.mark.parametrize(("prior", "theta"), [(prior, theta) for prior, theta, _ in CASES])
def test_free_samples_are_drawn_while_they_can_change_anything(prior: Beta, theta: float) -> None:
    rule = PriceRule(Population.of(prior, theta), Prices(0.0), 5)
    assert rule.value(Tally()) == pytest.approx(fixed_value(5, prior, theta, 0.0), abs=1e-6)
    assert rule.still_needed(Tally()) > 0
    for n in range(5):
        for tally, _ in after(Tally(), n, prior, theta):
            if rule.still_needed(tally) == 0:
                rest = sum(c * p_leader(t, prior, theta) for t, c in after(tally, 5 - n, prior, theta))
                assert rest <= p_leader(tally, prior, theta) + 1e-6


def test_two_equal_votes_do_not_stop_it_where_a_look_one_ahead_would() -> None:
    rule = PriceRule(Population.of(Beta.of(0.6, 2.0), 1.0), Prices(0.002), 16)
    assert rule.still_needed(Tally(("a", "a"))) > 0


def test_a_higher_price_is_worth_less_and_draws_less() -> None:
    rules = [PriceRule(Population.of(Beta.of(0.5, 2.0), 1.0), Prices(cost), 8) for cost in (0.0, 0.001, 0.01, 0.1, 1.0)]
    values = [rule.value(Tally()) for rule in rules]
    assert values == sorted(values, reverse=True)
    assert rules[-1].still_needed(Tally()) == 0 < rules[0].still_needed(Tally())


def test_a_price_on_rounds_asks_for_larger_batches() -> None:
    patient, hurried = (
        PriceRule(Population.of(Beta.of(0.5, 2.0), 1.0), Prices(0.002, wait), 8) for wait in (0.0, 0.02)
    )
    assert hurried.still_needed(Tally(("a", "b"))) > patient.still_needed(Tally(("a", "b")))
    assert hurried.value(Tally()) < patient.value(Tally())


BELIEFS = st.tuples(st.integers(1, 39).map(lambda n: n / 40), st.sampled_from([0.5, 2.0, 8.0]))


@given(
    belief=BELIEFS,
    votes=st.lists(st.sampled_from(["a", "a", "b", None]), max_size=6),
    cost=st.sampled_from([0.0, 0.003, 0.02]),
    waits=st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.5)).map(sorted),
)
@example(belief=(0.025, 2.0), votes=["a", "a", "a", "a", "b"], cost=0.0, waits=[0.0, 0.0])  # the leader is likely wrong
@settings(max_examples=40)
def test_a_higher_price_on_rounds_is_never_worth_more_and_never_draws_where_a_lower_one_stopped(
    belief: tuple[float, float], votes: list[str | None], cost: float, waits: list[float]
) -> None:
    tally = Tally(tuple(votes))
    free, low, high = (PriceRule(Population.of(Beta.of(*belief), 1.0), Prices(cost, wait), 6) for wait in (0.0, *waits))
    values = [rule.value(tally) for rule in (free, low, high)]
    assert 0.0 <= values[2] <= values[1] + 1e-9 <= values[0] + 2e-9
    stops = [rule.still_needed(tally) == 0 for rule in (free, low, high)]
    assert stops == sorted(stops)
    assert [rule.gain(tally) > 0.0 for rule in (free, low, high)] == [not stop for stop in stops]


@given(belief=BELIEFS, wait=st.floats(0.001, 0.5))
@settings(max_examples=20)
def test_a_rule_that_draws_pays_for_its_rounds(belief: tuple[float, float], wait: float) -> None:
    free, waiting = (PriceRule(Population.of(Beta.of(*belief), 1.0), Prices(0.001, price), 5) for price in (0.0, wait))
    if waiting.still_needed(Tally()):
        assert waiting.value(Tally()) < free.value(Tally()) - 0.9 * wait  # a price is rounded by up to a twelfth


def test_samples_that_cannot_vote_lower_the_value_and_use_up_the_horizon() -> None:
    rule = PriceRule(Population.of(Beta.of(0.5, 2.0), 1.0), Prices(0.002), 4)
    assert rule.value(Tally((None,))) < rule.value(Tally())
    assert rule.still_needed(Tally((None,) * 4)) == 0
    assert rule.value(Tally((None,) * 4)) == 0.0


@given(a=st.floats(0.01, 80.0), b=st.floats(0.01, 80.0))
@settings(max_examples=15)
def test_any_belief_has_a_table(a: float, b: float) -> None:
    rule = PriceRule(Population.of(Beta(a, b), 1.0), Prices(0.01), 3)
    assert 0.0 <= rule.value(Tally()) <= 1.0
    assert 0.0 <= rule.value(Tally(("a", None, "b"))) <= 1.0


@pytest.mark.parametrize("prices", [(-0.1,), (0.1, -1.0), (0.1, 0.0, float("nan")), (float("inf"),)])
def test_senseless_prices_are_refused(prices: tuple[float, ...]) -> None:
    with pytest.raises(ConfigurationError, match="prices must be finite and not negative"):
        Prices(*prices)


def test_at_least_one_sample_is_needed() -> None:
    with pytest.raises(ConfigurationError, match="at least one sample"):
        PriceRule(Population.of(Beta(1.0, 1.0), 1.0), Prices(0.1), 0)


@given(votes=VOTES, escape=st.sampled_from([0.2, 0.5, 0.9]))
@settings(max_examples=30)
def test_it_gives_the_step_away_only_where_that_is_worth_more_than_the_leader(
    votes: tuple[Hashable | None, ...], escape: float
) -> None:
    plain, rule = (PriceRule(Population.of(Beta.of(0.5, 2.0), 1.0), Prices(0.01, escape=e), 8) for e in (0.0, escape))
    advice = rule.advice(Tally(votes))
    assert advice.value >= max(plain.value(Tally(votes)), escape) - 1e-9
    assert advice.escapes == (advice.batch == 0 and advice.p_correct < escape)
    assert not plain.advice(Tally(votes)).escapes
