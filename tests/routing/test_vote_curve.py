"""What votes that stop by price cost and bring."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.routing.vote_curve import VoteCurve
from tts_agent.stopping import PriceRule, Prices
from tts_agent.voting import Tally

QUESTIONS = Population.of(Beta(2.0, 1.0), 2.0)


@settings(max_examples=10, deadline=None)
@given(low=st.floats(1e-7, 1e-2), more=st.floats(1.0, 100.0))
def test_dearer_tokens_buy_and_bring_less_and_one_call_is_always_made(low: float, more: float) -> None:
    curve = VoteCurve(QUESTIONS, 300.0)
    cheap, dear = curve(low), curve(low * more)
    assert 300.0 <= dear.cost <= cheap.cost <= 8 * 300.0
    assert QUESTIONS.mean - 1e-6 <= dear.success <= cheap.success <= 1.0


@pytest.mark.parametrize("per_call", [0.004, 0.02])
def test_it_says_what_votes_in_a_simulation_cost_and_bring(per_call: float) -> None:
    chance, costs, right = random.Random(1), 0, 0.0
    rule = PriceRule(QUESTIONS, Prices(per_call), 8)
    runs = 2_000
    for _ in range(runs):
        pass_rate, wrong = chance.betavariate(2.0, 1.0), list[int]()
        votes: tuple[int, ...] = ()
        while not votes or rule.still_needed(Tally(votes)):
            for _ in range(rule.still_needed(Tally(votes)) if votes else 1):
                if chance.random() < pass_rate:
                    votes += (0,)
                else:  # a Chinese restaurant of wrong answers
                    new = chance.random() < 2.0 / (2.0 + len(wrong))
                    wrong.append(len(wrong) + 1 if new else chance.choice(wrong))
                    votes += (wrong[-1],)
        costs += len(votes)
        right += Tally(votes).leader == 0
    expected = VoteCurve(QUESTIONS, 1.0)(per_call)
    assert expected.cost == pytest.approx(costs / runs, abs=0.35)
    assert expected.success == pytest.approx(right / runs, abs=0.03)
