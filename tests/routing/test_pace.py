"""The pace of a task: what a token may cost the step at hand."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent import ConfigurationError
from tts_agent.budget import Amount, Budget, Progress, Steps
from tts_agent.messages import user
from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.routing import ClassProfile, LearnedHorizon, MarginalValue, Pace, Pacing, TabulatedCurve
from tts_agent.sampling import Sample, Usage
from tts_agent.step import Step

DEAR = TabulatedCurve((1e-6, 1e-2), (9_000.0, 1_000.0), (0.9, 0.5))


def progress(left: int, steps: Steps | None = None) -> Progress:
    return Progress(steps or Steps(), left)


def seen(*kinds: str, tokens: int = 500) -> Steps:
    steps = Steps()
    for kind in kinds:
        steps = steps.saw(kind, Amount(tokens, 1))
    return steps


@settings(deadline=None)
@given(left=st.integers(0, 50_000), more=st.integers(0, 50_000), length=st.integers(1, 40))
def test_tokens_get_no_dearer_by_a_larger_budget_and_no_cheaper_by_a_longer_task(
    left: int, more: int, length: int
) -> None:
    def price(steps: int, left: int) -> float:
        return Pace(steps).price("read", 500, progress(left))

    assert price(length, left + more) <= price(length, left) * (1 + 1e-6)
    assert price(length, left) <= price(length + 1, left) * (1 + 1e-6)


def test_what_fits_at_the_price_is_what_is_left() -> None:
    pace = Pace(10, curves={"read": DEAR}, pacing=Pacing(reserve=0.0))
    price = pace.price("read", 0, progress(40_000))
    assert 10 * DEAR(price).cost == pytest.approx(40_000, rel=1e-6)


def test_what_a_plan_says_goes_before_the_horizon() -> None:
    pace = Pace(20)
    said = Steps().expecting(5)
    assert pace.price("read", 500, progress(9_000, said)) == pytest.approx(
        Pace(5).price("read", 500, progress(9_000)), rel=1e-9
    )


def test_a_plan_by_class_prices_the_steps_of_its_classes_and_no_others() -> None:
    cheap = TabulatedCurve((1e-6, 1e-2), (900.0, 100.0), (0.9, 0.5))
    pace = Pace(20, curves={"read": DEAR, "write": cheap}, pacing=Pacing(reserve=0.0))
    steps = seen("read", "aside").expecting({"read": 3, "write": 2})
    price = pace.price("read", 0, progress(20_000, steps))
    assert 3 * DEAR(price).cost + 2 * cheap(price).cost == pytest.approx(20_000, rel=1e-6)
    dearer = pace.price("read", 0, progress(20_000, seen("read", "aside").expecting({"read": 5})))
    assert dearer > price


def test_steps_that_are_done_are_no_longer_ahead_and_past_tasks_tell_how_many_are() -> None:
    early, late = (Pace(8).price("read", 500, progress(6_000, seen(*["read"] * done))) for done in (1, 6))
    assert late < early
    long, short = LearnedHorizon(), LearnedHorizon()
    for _ in range(20):
        long, short = long.learn(30), short.learn(4)
    prices = [Pace(horizon).price("read", 500, progress(9_000)) for horizon in (long, short)]
    assert prices[0] > prices[1]


def test_classes_cost_what_their_calls_cost_so_far_and_are_as_hard_as_their_profile_says() -> None:
    cheap, dear = seen("read", "read", tokens=200), seen("read", "read", tokens=2_000)
    prices = [Pace(10).price("plan", 300, progress(12_000, steps)) for steps in (cheap, dear)]
    assert prices[0] < prices[1]
    sure = Population.of(Beta.of(0.99, 100.0), 1.0)
    known = Pace(10, profiles={"read": ClassProfile(population=sure, reference=Beta.of(0.99, 100.0))})
    assert known.price("read", 500, progress(12_000)) < Pace(10).price("read", 500, progress(12_000))


def test_a_policy_with_a_price_pays_the_paces_where_that_is_higher() -> None:
    step = Step((user("?"),), kind="read").with_drawn((Sample("4", usage=Usage(300, 200)),))
    plenty, little = (Budget(tokens, pace=Pace(12)) for tokens in (10**6, 7_000))
    policy = MarginalValue()
    assert policy.decide(step, plenty.view("read", 500)).price == policy.price
    assert policy.decide(step, little.view("read", 500)).name == "single"
    assert policy.decide(step, little.view("read", 500)).price > 1e-4
    assert policy.decide(step, Budget(7_000).view("read", 500)).name == "self_consistency"


@pytest.mark.parametrize(
    "settings", [{"steps": 0}, {"steps": "12"}, {"steps": True}, {"steps": 3, "least": -1}, {"max_samples": 0}]
)
def test_a_wrong_setting_is_one_sentence(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        Pace(**settings)  # type: ignore[arg-type]


def test_it_can_be_varied_like_any_value() -> None:
    assert replace(Pace(12), least=300).least_tokens(Steps()) == 3_600
    assert Pace(12, least=300).least_tokens(Steps().expecting(4)) == 1_200
