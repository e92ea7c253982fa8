"""Fitting a Beta."""

from random import Random

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.stopping.beta_fit import fit_passes, likeliest


@pytest.mark.parametrize("true", [Beta(0.3, 0.6), Beta(2.0, 5.0), Beta(8.0, 1.0)])
def test_it_finds_the_belief_that_the_passes_came_from(true: Beta) -> None:
    chance = Random(1)
    passes = []
    for _ in range(1500):
        p = chance.betavariate(true.a, true.b)
        passes.append((sum(chance.random() < p for _ in range(20)), 20))
    fitted = fit_passes(passes)
    assert fitted.mean == pytest.approx(true.mean, abs=0.03)
    assert fitted.concentration == pytest.approx(true.concentration, rel=0.25)


def test_nothing_seen_is_one_half_and_nothing_passed_is_small_but_not_zero() -> None:
    assert fit_passes([]).mean == pytest.approx(0.5)
    assert 0.0 < fit_passes([(0, 10)] * 50).mean < 0.02


def test_a_starting_point_nearby_leads_to_the_same_optimum() -> None:
    def score(belief: Beta) -> float:
        return -((belief.mean - 0.3) ** 2) - 0.01 * (belief.concentration - 5.0) ** 2

    far, near = likeliest(score)[1], likeliest(score, Beta.of(0.4, 9.0))[1]
    for found in (far, near):
        assert found.mean == pytest.approx(0.3, abs=0.04)
        assert found.concentration == pytest.approx(5.0, rel=0.1)


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="0 <= passed <= of"):
        fit_passes([(3, 2)])
