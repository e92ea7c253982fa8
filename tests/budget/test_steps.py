"""Steps that were finished on a budget, counted for its pace."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent import Budget, BudgetExhausted, ConfigurationError
from tts_agent.budget import Amount, Ask, Progress, Reservation, SqliteStore, Steps


class Fixed:
    """A pacer that remembers what it was asked, and always wants the same price."""

    def __init__(self, price: float, least: int = 0) -> None:
        self.wants, self.least, self.seen = price, least, list[Progress]()

    def price(self, kind: str, call_tokens: int, progress: Progress) -> float:
        self.seen.append(progress)
        return self.wants

    def least_tokens(self, steps: Steps) -> int:
        return self.least


SPENT = Amount(tokens=100, calls=2)


def _seen(kinds: list[str], planned: int | dict[str, int]) -> Steps:
    steps = Steps().expecting(planned)
    for kind in kinds:
        steps = steps.saw(kind, SPENT)
    return steps


KINDS = st.sampled_from(["plan", "read", "write"])
PLANS = st.integers(0, 20) | st.dictionaries(KINDS, st.integers(0, 20))
STEPS = st.builds(_seen, st.lists(KINDS, max_size=6), PLANS)


def test_a_step_counts_in_every_budget_above_and_charges_nothing() -> None:
    run = Budget(1_000, pace=Fixed(0.0))
    child = run.child(500)
    child.finished("read", SPENT)
    assert child.paced
    assert child.steps == run.steps
    assert run.steps.total == 1
    assert run.spent == Amount()
    assert not Budget(1_000).paced


def test_each_step_that_ends_leaves_one_less_of_those_expected() -> None:
    run = Budget(1_000)
    ahead = [run.steps.ahead]
    run.expect(3)
    for _ in range(4):
        ahead.append(run.steps.ahead)
        run.finished("read", SPENT)
    run.expect(4)
    ahead.append(run.steps.ahead)
    assert ahead == [None, 3, 2, 1, 1, 4], "one more begins, whatever the plan said"
    with pytest.raises(ConfigurationError, match="give a whole number"):
        run.expect(-1)


def test_a_plan_by_class_is_used_up_by_steps_of_its_classes_alone() -> None:
    run = Budget(1_000)
    run.finished("read", SPENT)
    run.expect({"read": 2, "write": 1})
    run.finished("aside", SPENT)
    run.finished("read", SPENT)
    assert (run.steps.ahead, dict(run.steps.ahead_of)) == (2, {"read": 1, "write": 1})
    with pytest.raises(ConfigurationError, match="give a whole number"):
        run.expect({"read": 3, "write": -1})


def test_the_highest_price_of_all_paces_on_the_way_up_holds() -> None:
    run = Budget(1_000, reserve_final=200, pace=Fixed(0.25))
    agent = run.child(400, pace=Fixed(0.5))
    assert agent.view("read", 10).price == 0.5
    assert agent.child().view("read", 10).price == 0.5
    assert run.view("read", 10).price == 0.25
    assert Budget(1_000).view("read", 10).price == 0.0


def test_a_pace_is_asked_for_steps_alone_and_counts_calls_in_flight_as_left() -> None:
    pacer = Fixed(0.0)
    run = Budget(1_000, reserve_final=200, pace=pacer)
    grant = run.reserve(Ask(50, 2, 100))
    assert isinstance(grant, Reservation)
    run.child(100).view("read", 10)
    grant.settle(120)
    run.child(100).view("read", 10)
    run.view()
    assert [progress.left for progress in pacer.seen] == [800, 680]


def test_processes_that_share_a_ledger_count_together(tmp_path: Path) -> None:
    here, there = (Budget(1_000, store=SqliteStore(tmp_path / "ledger.db", key="run")) for _ in range(2))
    here.expect(5)
    here.finished("read", SPENT)
    there.finished("write", SPENT)
    assert here.steps == there.steps
    assert there.steps.ahead == 3


@given(STEPS)
def test_a_record_restores_it(steps: Steps) -> None:
    restored = Budget(1_000)
    for _ in range(2):
        restored.at_least(Amount(tokens=10, calls=1), Steps.from_json(steps.to_json()))
    assert restored.steps == steps


@given(STEPS, STEPS)
def test_what_two_know_is_the_larger_count_of_each_class(one: Steps, other: Steps) -> None:
    both = one.most(other)
    assert both == other.most(one) == both.most(one)
    assert both.total >= max(one.total, other.total)


def test_a_budget_too_small_for_the_steps_to_come_is_refused_before_the_first_call_with_one_that_would_do() -> None:
    small = Budget(4_000, reserve_final=1_000, pace=Fixed(0.0, least=6_000))
    for budget in (small, small.child(500)):
        with pytest.raises(BudgetExhausted, match="the smallest budget that would do is 7000 tokens") as refused:
            budget.reserve(Ask(10, 1, 100))
        assert refused.value.least == 7_000
    enough = Budget(7_000, reserve_final=1_000, pace=Fixed(0.0, least=6_000))
    grant = enough.reserve(Ask(10, 1, 100))
    assert isinstance(grant, Reservation)
    grant.settle(110)
    assert isinstance(enough.reserve(Ask(10, 1, 100)), Reservation), "once begun, a task goes on as long as it can"


def test_a_first_call_that_does_not_fit_says_which_budget_would_do() -> None:
    budget = Budget(500, reserve_final=450)
    with pytest.raises(
        BudgetExhausted, match=r"at least 110 tokens and 50 .* a budget of 560 tokens would do"
    ) as refused:
        budget.reserve(Ask(100, 1, 50, 10))
    assert refused.value.least == 560
    grant = Budget(560, reserve_final=450).reserve(Ask(100, 1, 50, 10))
    assert isinstance(grant, Reservation)
    grant.settle(60)
    used = Budget(60)
    used.at_least(Amount(40, 1))
    with pytest.raises(BudgetExhausted) as later:
        used.reserve(Ask(20, 1, 20, 10))
    assert later.value.least is None
