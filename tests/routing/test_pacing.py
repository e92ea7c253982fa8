"""Pacing a task's budget."""

from dataclasses import replace
from math import inf
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta
from tts_agent.routing.curves import TabulatedCurve
from tts_agent.routing.horizon import GivenHorizon, LearnedHorizon, StepMix
from tts_agent.routing.pacing import Pacing, Plan, TaskPace, Work
from tts_agent.stopping import UntilAccepted

PRICES = (1e-6, 1e-5, 1e-4, 1e-3)


@st.composite
def curves(draw: st.DrawFn) -> TabulatedCurve:
    size = len(PRICES)
    costs = sorted(draw(st.lists(st.floats(0.0, 5e3), min_size=size, max_size=size)), reverse=True)
    rights = sorted(draw(st.lists(st.floats(0.0, 1.0), min_size=size, max_size=size)), reverse=True)
    return TabulatedCurve(PRICES, tuple(costs), tuple(rights))


WORK = st.lists(st.builds(Work, curves(), st.floats(0.1, 20.0)), min_size=1, max_size=4)
PACING = st.builds(Pacing, reserve=st.floats(0.0, 0.5), serial=st.booleans())
EASY = TabulatedCurve(PRICES, (400.0, 250.0, 150.0, 100.0), (0.99, 0.985, 0.98, 0.95))
HARD = TabulatedCurve(PRICES, (4000.0, 2000.0, 700.0, 100.0), (0.8, 0.7, 0.5, 0.3))


@given(pacing=PACING, work=WORK, low=st.floats(0.0, 2e5), more=st.floats(0.0, 2e5))
def test_the_price_does_not_rise_with_the_budget(pacing: Pacing, work: list[Work], low: float, more: float) -> None:
    small, large = pacing.solve(work, low), pacing.solve(work, low + more)
    assert large.price <= small.price
    assert all(a <= b * (1 + 1e-9) for a, b in zip(large.prices, small.prices, strict=True))
    assert large.fits >= small.fits


@given(pacing=PACING, work=WORK, budget=st.floats(0.0, 2e5))
def test_what_is_expected_at_the_price_fits_the_budget_less_its_reserve(
    pacing: Pacing, work: list[Work], budget: float
) -> None:
    plan = pacing.solve(work, budget)
    cost = sum(piece.count * piece.curve(price).cost for piece, price in zip(work, plan.prices, strict=True))
    assert plan.cost == pytest.approx(cost)
    if plan.fits:
        assert plan.cost <= (1.0 - pacing.reserve) * budget
    else:
        assert sum(piece.count * piece.curve(inf).cost for piece in work) > (1.0 - pacing.reserve) * budget - 1e-6


@given(pacing=PACING, work=WORK)
def test_a_budget_without_limit_costs_the_floor(pacing: Pacing, work: list[Work]) -> None:
    assert pacing.solve(work, inf).prices == (pacing.floor,) * len(work)
    assert replace(pacing, floor=0.0).solve(work, inf).price == 0.0


@given(work=WORK, budget=st.floats(1.0, 1e5))
def test_a_lower_price_would_not_fit(work: list[Work], budget: float) -> None:
    pacing = Pacing()
    plan = pacing.solve(work, budget)
    if plan.fits and plan.price > pacing.floor:
        cheaper = plan.price * (1.0 - 1e-6)
        assert sum(piece.count * piece.curve(cheaper).cost for piece in work) > (1.0 - pacing.reserve) * budget


def test_steps_by_themselves_all_have_one_price_and_it_goes_where_it_pays() -> None:
    plan = Pacing().solve([Work(EASY, 5.0), Work(HARD, 5.0)], 10_000.0)
    assert plan.fits
    assert plan.prices == (plan.price, plan.price)
    assert plan.cost == pytest.approx(0.875 * 10_000.0, rel=1e-6)
    assert HARD(plan.price).cost > EASY(plan.price).cost


def test_in_a_chain_a_step_is_worth_the_success_of_the_others() -> None:
    plan = Pacing(serial=True).solve([Work(EASY), Work(HARD)], 2_000.0)
    easy, hard = EASY(plan.prices[0]).success, HARD(plan.prices[1]).success
    assert plan.success == pytest.approx(easy * hard)
    price_of_the_task = plan.price * plan.success
    assert plan.prices[0] == pytest.approx(price_of_the_task / hard, rel=1e-6)
    assert plan.prices[1] == pytest.approx(price_of_the_task / easy, rel=1e-6)
    assert plan.prices[1] < plan.prices[0]  # the weak link is bought at the lower price


def test_a_chain_is_more_often_right_when_it_is_paced_as_one() -> None:
    work = [Work(EASY, 3.0), Work(HARD, 3.0)]
    chain, alone = Pacing(serial=True).solve(work, 5_000.0), Pacing().solve(work, 5_000.0)
    right = EASY(alone.price).success ** 3 * HARD(alone.price).success ** 3
    assert chain.cost <= 0.875 * 5_000.0
    assert chain.success >= right


def test_a_budget_that_not_even_the_dearest_price_fits_is_named() -> None:
    plan = Pacing().solve([Work(HARD, 10.0)], 500.0)
    assert not plan.fits
    assert plan.price == Pacing().ceiling
    assert Pacing().solve([], 0.0) == Plan(1e-9, (), 0.0, 0.0, True)


TASK = TaskPace(20_000.0, {"hard": HARD}, GivenHorizon(10))


@given(done=st.integers(0, 8), share=st.floats(0.0, 0.9))
def test_after_a_step_that_cost_less_than_planned_the_price_is_lower(done: int, share: float) -> None:
    task = replace(TASK, done=done, spent=2_000.0 * done)
    plan = task.plan("hard")
    expected = HARD(plan.prices[0]).cost
    cheap, dear = task.after("hard", share * expected).plan("hard"), task.after("hard", 1.5 * expected).plan("hard")
    assert cheap.price < plan.price < dear.price


@given(done=st.integers(0, 7))
def test_a_step_that_cost_what_was_planned_changes_nothing(done: int) -> None:
    """Without a reserve: a share kept back of what is left is kept back again at every step."""
    task = replace(TASK, done=done, spent=2_000.0 * done, pacing=Pacing(reserve=0.0))
    plan = task.plan("hard")
    assert task.after("hard", HARD(plan.prices[0]).cost).plan("hard").price == pytest.approx(plan.price, rel=1e-6)


def test_fewer_steps_ahead_make_tokens_cheaper() -> None:
    prices = [replace(TASK, horizon=GivenHorizon(steps)).plan("hard").price for steps in (40, 20, 10, 5)]
    assert prices == sorted(prices, reverse=True)
    assert prices[0] > prices[-1]


def test_what_is_known_of_this_very_step_replaces_its_class() -> None:
    task = replace(TASK, horizon=GivenHorizon(2), budget=2_000.0)
    assert task.plan("hard", EASY).price < task.plan("hard").price


def test_a_class_nobody_knows_is_taken_to_be_like_the_others() -> None:
    task = TaskPace(4_000.0, {"easy": EASY, "hard": HARD}, GivenHorizon(1), StepMix({"hard": 3.0, "easy": 3.0}))
    plan = task.plan("new")
    price = plan.prices[0]
    assert plan.cost == pytest.approx((EASY(price).cost + HARD(price).cost) / 2.0)
    assert plan.success == pytest.approx((EASY(price).success + HARD(price).success) / 2.0)


def test_a_task_without_a_limit_is_not_paced() -> None:
    assert replace(TASK, budget=inf).plan("hard").price == Pacing().floor


def tried(prior: Beta) -> TabulatedCurve:
    """Drawing for a verifier at 100 tokens a try, as the rule itself foresees it."""
    points = []
    for price in (1e-7 * 10.0 ** (k / 6) for k in range(31)):
        ahead = UntilAccepted(prior, 100.0 * price, max_samples=64).outlook(0)
        points.append((price, ahead.spent / price, ahead.success))
    return TabulatedCurve.measured(points)


BELIEFS = {"easy": Beta(4.0, 2.0), "hard": Beta(0.4, 2.0)}
TRIED = {kind: tried(belief) for kind, belief in BELIEFS.items()}


def simulate(chance: Random, *, paced: bool, price: float = 0.0) -> tuple[int, float]:
    """(right steps, tokens) of 12 steps of two classes under 12,000 tokens, played out try by try."""
    task = TaskPace(12_000.0, TRIED, GivenHorizon(12))
    right = 0
    for _ in range(12):
        kind = chance.choice(["easy", "hard"])
        rule = UntilAccepted(BELIEFS[kind], 100.0 * (task.plan(kind).prices[0] if paced else price), 64)
        p, tries = chance.betavariate(BELIEFS[kind].a, BELIEFS[kind].b), 0
        while tries < rule.max_samples and rule.gain(tries) > 0.0 and (tries + 1) * 100.0 <= task.remaining:
            tries += 1
            if chance.random() < p:
                right += 1
                break
        task = task.after(kind, 100.0 * tries)
    return right, task.spent


def test_a_paced_task_uses_its_budget_and_earns_more_than_one_that_spends_as_it_comes() -> None:
    chance = Random(11)
    paced = [simulate(chance, paced=True) for _ in range(60)]
    greedy = [simulate(chance, paced=False, price=1e-9) for _ in range(60)]
    assert all(spent <= 12_000.0 for _, spent in paced)
    assert sum(spent for _, spent in paced) / 60 >= 0.6 * 12_000.0
    assert sum(right for right, _ in paced) >= 1.05 * sum(right for right, _ in greedy)


@pytest.mark.parametrize(
    "settings", [{"reserve": 1.0}, {"reserve": -0.1}, {"floor": -1.0}, {"floor": 2.0}, {"ceiling": inf}]
)
def test_senseless_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError, match="reserve must be in"):
        Pacing(**settings)  # type: ignore[arg-type]


def test_senseless_tasks_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="must be >= 0"):
        Pacing().solve([Work(EASY)], -1.0)
    with pytest.raises(ConfigurationError, match="must be >= 0"):
        Pacing().solve([Work(EASY, -1.0)], 100.0)
    with pytest.raises(ConfigurationError, match="at least one class"):
        TaskPace(100.0, {})
    with pytest.raises(ConfigurationError, match="budget, spent and done"):
        TaskPace(-1.0, {"easy": EASY}, LearnedHorizon())
