"""Drawing under a continuous score."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.pandora import Pandora, reservation
from tts_agent.stopping.scores import NormalBelief, NormalScores, RecordedScores

NORMALS = st.builds(NormalScores, st.floats(0.0, 1.0), st.floats(0.05, 0.5))
RECORDS = st.builds(RecordedScores.of, st.lists(st.integers(0, 20).map(lambda n: n / 20), min_size=1, max_size=6))
KNOWN = NORMALS | RECORDS


@given(scores=KNOWN, cost=st.floats(1e-6, 2.0))
def test_at_the_reservation_value_a_draw_is_worth_exactly_its_price(
    scores: NormalScores | RecordedScores, cost: float
) -> None:
    assert scores.excess(reservation(scores, cost)) == pytest.approx(cost, rel=1e-6, abs=1e-9)


@given(scores=KNOWN, cost=st.floats(1e-6, 1.0), more=st.floats(0.0, 1.0))
def test_dearer_draws_are_stopped_earlier(scores: NormalScores | RecordedScores, cost: float, more: float) -> None:
    assert reservation(scores, cost + more) <= reservation(scores, cost) + 1e-9


@given(scores=KNOWN, cost=st.floats(1e-4, 0.5), best=st.floats(0.0, 1.0))
def test_it_draws_while_the_best_is_below_the_reservation_value(
    scores: NormalScores | RecordedScores, cost: float, best: float
) -> None:
    z = reservation(scores, cost)
    if abs(best - z) > 1e-6:
        assert Pandora(scores, cost).still_needed((best,)) == (best < z)


def best_value(scores: RecordedScores, cost: float, best: float, draws: int) -> float:
    """Value of optimal stopping by trying everything."""
    if draws == 0:
        return best
    ahead = [best_value(scores, cost, max(best, score), draws - 1) for score in scores.scores]
    return max(best, sum(ahead) / len(ahead) - cost)


def followed(rule: Pandora, scores: RecordedScores, seen: tuple[float, ...], draws: int) -> float:
    """Value of doing what the rule says."""
    best = max(seen, default=rule.fallback)
    if draws == 0 or not rule.still_needed(seen):
        return best
    ahead = [followed(rule, scores, (*seen, score), draws - 1) for score in scores.scores]
    return sum(ahead) / len(ahead) - rule.cost


@given(
    scores=st.builds(RecordedScores.of, st.lists(st.floats(0.0, 1.0), min_size=1, max_size=3)), cost=st.floats(0.0, 0.4)
)
def test_no_other_way_to_stop_is_worth_more(scores: RecordedScores, cost: float) -> None:
    rule = Pandora(scores, cost, max_samples=4)
    optimal = best_value(scores, cost, 0.0, 4)
    assert followed(rule, scores, (), 4) == pytest.approx(optimal, abs=1e-9)
    assert rule.value(()) >= optimal - 1e-9


def test_its_value_is_what_a_simulation_earns() -> None:
    scores, chance = NormalScores(0.5, 0.2), Random(6)
    rule, earned, runs = Pandora(scores, 0.02, max_samples=200), 0.0, 5_000
    for _ in range(runs):
        seen: list[float] = []
        while rule.still_needed(seen):
            seen.append(chance.gauss(0.5, 0.2))
            earned -= rule.cost
        earned += max(seen)
    assert earned / runs == pytest.approx(rule.value(()), abs=0.01)
    assert rule.value(()) == pytest.approx(reservation(scores, 0.02))


def test_the_fallback_has_to_be_beaten_and_the_cap_holds() -> None:
    scores = NormalScores(0.3, 0.05)
    assert Pandora(scores, 0.01).still_needed(()) == 1
    assert Pandora(scores, 0.01, fallback=0.9).still_needed(()) == 0
    assert Pandora(scores, 0.0, max_samples=2).still_needed((0.1, 0.1)) == 0
    assert Pandora(scores, 0.0, max_samples=2).value((0.1, 0.2)) == 0.2


def test_scores_of_this_very_step_are_learned_from() -> None:
    rule = Pandora(NormalBelief(0.5, weight=1.0, shape=1.0, scale=0.002), 0.012)
    assert rule.still_needed((0.50,)) == 1
    assert rule.still_needed((0.50, 0.501, 0.499, 0.5, 0.5, 0.5)) == 0  # all alike: the next will be, too
    assert rule.still_needed((0.1, 0.9, 0.2, 0.6)) == 1
    assert rule.gain((0.1, 0.9, 0.2, 0.6)) > rule.gain((0.5, 0.5, 0.5, 0.9))


def test_learning_while_drawing_earns_nearly_what_knowing_would() -> None:
    chance, earned, known, runs, cost = Random(12), 0.0, 0.0, 2_000, 0.01
    for _ in range(runs):
        centre = chance.gauss(0.5, 0.15)
        draws = [chance.gauss(centre, 0.1) for _ in range(30)]
        for rule in (
            Pandora(NormalBelief(0.5, 0.4, 4.0, 0.04), cost, 30),
            Pandora(NormalScores(centre, 0.1), cost, 30),
        ):
            n = 0
            while rule.still_needed(draws[:n]):
                n += 1
            value = max(draws[:n], default=0.0) - cost * n
            if isinstance(rule.scores, NormalBelief):
                earned += value
            else:
                known += value
    assert known / runs - 0.015 <= earned / runs <= known / runs + 0.005


def test_senseless_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="cost must be >= 0"):
        Pandora(NormalScores(0.5, 0.1), -0.1)
    with pytest.raises(ConfigurationError, match="max_samples at least 1"):
        Pandora(NormalScores(0.5, 0.1), 0.1, 0)
