"""How many chains and rounds: the closed form."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.strategies.hybrid_shape import BestShape, Forecast, HybridRates, Shape

rates = st.floats(0.0, 1.0)


def by_enumeration(p: float, known: HybridRates, shape: Shape) -> Forecast:
    """Every way in which the chains may go, added up: an independent count of the same thing."""
    right = tokens = 0.0
    # per chain, whether its attempt is right; only worlds without an accepted attempt go on
    worlds: dict[tuple[bool, ...], float] = {(): 1.0}
    for t in range(shape.rounds + 1):
        reached = sum(worlds.values())
        tokens += reached * shape.chains * (known.revision_tokens if t else known.attempt_tokens)
        moved: dict[tuple[bool, ...], float] = {}
        for before, mass in worlds.items():
            for now in product((True, False), repeat=shape.chains):
                chance = mass
                for i, is_right in enumerate(now):
                    to_right = p if not t else (1.0 - known.broken if before[i] else known.fix)
                    chance *= to_right if is_right else 1.0 - to_right
                moved[now] = moved.get(now, 0.0) + chance
        worlds = {}
        for now, mass in moved.items():
            for verdicts in product((True, False), repeat=shape.chains):
                chance = mass
                for is_right, accepted in zip(now, verdicts, strict=True):
                    accepts = known.accepts_right if is_right else known.accepts_wrong
                    chance *= accepts if accepted else 1.0 - accepts
                if any(verdicts):
                    right += chance * now[verdicts.index(True)]
                else:
                    worlds[now] = worlds.get(now, 0.0) + chance
    right += sum(mass for now, mass in worlds.items() if now[0])
    return Forecast(right, tokens)


@given(
    st.floats(0.0, 1.0),
    st.builds(HybridRates, rates, rates, rates, rates, st.just(3.0), st.just(7.0)),
    st.builds(Shape, st.integers(1, 3), st.integers(0, 3)),
)
def test_it_is_what_counting_every_way_gives(p: float, known: HybridRates, shape: Shape) -> None:
    forecast, counted = known.forecast(p, shape), by_enumeration(p, known, shape)
    assert forecast.right == pytest.approx(counted.right, abs=1e-9)
    assert forecast.tokens == pytest.approx(counted.tokens, abs=1e-9)


def test_special_cases() -> None:
    perfect = HybridRates(0.3, 0.1)
    assert perfect.forecast(0.4, Shape(5, 0)).right == pytest.approx(1.0 - 0.6**5)
    assert perfect.forecast(0.4, Shape(1, 3)).right == pytest.approx(1.0 - 0.6 * 0.7**3)
    deaf = HybridRates(0.3, 0.1, accepts_right=0.0)
    assert deaf.forecast(0.4, Shape(1, 200)).right == pytest.approx(0.3 / 0.4), "blind chains come to f / (f + r)"
    keen = HybridRates(0.3, 0.1, accepts_wrong=1.0)
    assert keen.forecast(0.4, Shape(4, 4)).right == pytest.approx(0.4)
    assert keen.forecast(0.4, Shape(4, 4)).tokens == 4.0


@pytest.mark.parametrize("mean", [0.1, 0.4, 0.8])
@pytest.mark.parametrize(
    ("fix", "broken", "a", "b"), [(0.5, 0.1, 1.0, 0.0), (0.05, 0.2, 0.9, 0.1), (0.2, 0.0, 0.7, 0.3)]
)
def test_the_shape_is_the_brute_force_optimum(mean: float, fix: float, broken: float, a: float, b: float) -> None:
    known = HybridRates(fix, broken, a, b, 1.0, 1.5)
    sure = Beta.of(mean, 64.0).rounded()
    best = BestShape(known, 0.03, max_calls=4)

    def value(shape: Shape) -> float:
        points = [sure.quantile((i + 0.5) / 24) for i in range(24)]
        counted = [by_enumeration(p, known, shape) for p in points]
        return sum(each.right - 0.03 * each.tokens for each in counted) / len(points)

    shapes = [Shape(k, r) for k in range(1, 5) for r in range(4) if k * (r + 1) <= 4]
    assert value(best.choose(sure)) == pytest.approx(max(map(value, shapes)), abs=1e-9)


def test_dear_tokens_and_sure_steps_get_one_call_and_what_fixes_is_refined() -> None:
    known = HybridRates(0.6, 0.1)
    assert BestShape(known, 1.0).choose(Beta(5.0, 5.0)) == Shape(1, 0)
    assert BestShape(known, 0.05).choose(Beta(99.0, 1.0)).chains == 1
    assert BestShape(known, 0.02).choose(Beta(1.0, 9.0)).rounds > 1
    assert BestShape(HybridRates(0.0, 0.5, 1.0, 0.2), 0.001).choose(Beta(30.0, 30.0)).rounds == 0


def test_more_chains_help_less_where_they_share_an_unknown_difficulty() -> None:
    known, many = HybridRates(0.2, 0.1), Shape(4, 0)
    assert known.expected(Beta(0.3, 0.3), many).right < known.expected(Beta(30.0, 30.0), many).right


def test_bad_settings_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="at least 1 chain"):
        Shape(0, 1)
    with pytest.raises(ConfigurationError, match="between 0 and 1"):
        HybridRates(1.2, 0.0)
    with pytest.raises(ConfigurationError, match="tokens above 0"):
        HybridRates(0.2, 0.0, attempt_tokens=0.0)
    with pytest.raises(ConfigurationError, match="max_calls"):
        BestShape(HybridRates(0.2, 0.0), 0.1, 0)
