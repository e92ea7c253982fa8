"""Price tables under a mixture, against simulation and enumeration."""

import numpy as np
import pytest

from tests.population.by_hand import MIXED, chance, kinds, sequences
from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.stopping import PriceRule, Prices
from tts_agent.stopping.price_table import price_table, state_of
from tts_agent.voting import Tally


def test_states_keep_three_answers_and_the_number_of_further_votes() -> None:
    assert state_of([5, 3, 2, 2, 1]) == (5, 3, 2, 3)
    assert state_of([2]) == (2, 0, 0, 0)
    assert state_of([]) == (0, 0, 0, 0)


@pytest.mark.parametrize("invalid", [0, 1, 3])
def test_it_holds_the_posterior_of_every_state(invalid: int) -> None:
    table = price_table(MIXED, 8, Prices(0.01))
    for votes in sequences(5):
        valid = [f"answer {vote}" for vote in votes if vote >= 0]
        tally = Tally((*valid, *[None] * invalid))
        advice = table.advice(tally)
        assert advice.p_correct == pytest.approx(MIXED.posterior(tally).of(tally.leader), abs=1e-9)


def test_a_free_vote_is_worth_the_expected_vote_of_all_samples() -> None:
    """Enumeration of every sequence of valid votes, right or wrong, with the majority counted at the end."""
    population = Population.of(Beta(2.0, 1.5), 0.7)
    expected = 0.0
    for votes in sequences(5):
        if -1 not in votes:
            leader = Tally(tuple(map(str, votes))).leader
            expected += sum(w * chance(votes, p, e, phi) for w, p, e, phi in kinds(population)) * (leader == "0")
    rule = PriceRule(population, Prices(0.0), 5)
    assert rule.value(Tally()) == pytest.approx(expected, abs=1e-6)


def test_following_the_table_earns_what_it_says_in_simulation() -> None:
    rng, price, most, runs = np.random.default_rng(3), 2.0**-7, 10, 4000
    rule = PriceRule(MIXED, Prices(price), most)
    c, earned = MIXED.components, 0.0
    for kind in rng.choice(len(c), runs, p=MIXED.weights):
        tally, wrong = Tally(), list[int]()
        while needed := rule.still_needed(tally):
            for _ in range(needed):
                vote: str | None
                if rng.random() < c.pass_rate[kind]:
                    vote = "right"
                elif rng.random() < c.invalid_rate[kind]:
                    vote = None
                else:
                    theta, d = c.concentration[kind], c.discount[kind]
                    masses = np.array([*(count - d for count in wrong), theta + len(wrong) * d])
                    at = int(rng.choice(len(masses), p=masses / masses.sum())) if wrong else 0
                    wrong = [*wrong, 1] if at == len(wrong) else [n + (i == at) for i, n in enumerate(wrong)]
                    vote = f"wrong {at}"
                tally = tally.add([vote])
        earned += (tally.leader == "right") - price * tally.drawn
    assert earned / runs == pytest.approx(rule.value(Tally()), abs=0.03)


def test_a_shared_prompt_or_waiting_makes_batches() -> None:
    alone = PriceRule(MIXED, Prices(0.004), 16)
    shared = PriceRule(MIXED, Prices(0.001, call=0.02), 16)
    waiting = PriceRule(MIXED, Prices(0.001, call=0.02, spread=0.05), 16)
    split = Tally(("a", "b"))
    assert alone.still_needed(split) == 1 < shared.still_needed(split)
    assert waiting.still_needed(split) <= shared.still_needed(split)


def test_forty_samples_fit_in_a_table() -> None:
    table = price_table(MIXED, 40, Prices(0.001))
    assert table.advice(Tally(("a",) * 40)).batch == 0
    assert table.advice(Tally(("a", "b", "c", *map(str, range(7))) * 2)).p_correct < 0.5
    assert (table.p_correct >= 0.0).all()
    assert (table.p_correct <= table.value + 1e-9).all()
    assert (table.value <= 1.0 + 1e-9).all()
