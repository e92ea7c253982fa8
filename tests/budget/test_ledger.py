"""The ledger: reserve before a call, settle after it, never above the limit."""

from __future__ import annotations

import json
import time

import pytest

from tts_agent.budget import Amount, Ask, Budget, Busy, Reservation, Tariff
from tts_agent.budget.amount import UNLIMITED
from tts_agent.exceptions import BudgetExhausted, ConfigurationError
from tts_agent.sampling import Usage
from tts_agent.testing.checked_budget import CheckedBudget


def granted(budget: Budget, ask: Ask) -> Reservation:
    grant = budget.reserve(ask)
    assert isinstance(grant, Reservation)
    return grant


def call(n: int = 1, *, prompt: int = 10, most: int = 20, least: int = 5, final: bool = False) -> Ask:
    return Ask(prompt, n, most, least, final)


# ----------------------------------------------------------------------------------------------- reserve, settle


def test_a_call_is_held_at_its_upper_bound_and_charged_what_was_reported() -> None:
    budget = Budget(100, calls=5)
    grant = granted(budget, call(2))
    assert (grant.n, grant.max_tokens, grant.cost) == (2, 20, Amount(60, 2))
    assert (budget.held, budget.spent) == (Amount(60, 2), Amount())
    assert grant.settle(25) == Amount(25, 2)
    assert (budget.held, budget.spent) == (Amount(), Amount(25, 2))


def test_a_released_call_costs_nothing_and_a_forfeited_one_all_of_it() -> None:
    budget = Budget(100)
    assert granted(budget, call()).release() == Amount()
    assert budget.spent == Amount()
    assert granted(budget, call()).forfeit() == Amount(30, 1)
    assert budget.spent == Amount(30, 1)
    assert budget.held == Amount()


def test_completions_that_were_not_billed_need_not_count_as_calls() -> None:
    budget = Budget(100, calls=3)
    granted(budget, call(3)).settle(30, calls=1)
    assert budget.spent == Amount(30, 1)


def test_a_short_budget_grants_fewer_then_shorter_then_nothing() -> None:
    budget = Budget(75)
    first = granted(budget, call(3))
    assert (first.n, first.max_tokens) == (2, 20)
    first.forfeit()
    second = granted(budget, call(3))
    assert (second.n, second.max_tokens) == (1, 5)
    second.forfeit()
    with pytest.raises(BudgetExhausted, match="the next call needs at least 15 tokens and 0 of the budget are left"):
        budget.reserve(call(3))


def test_the_number_of_calls_is_a_limit_of_its_own() -> None:
    budget = Budget(calls=3)
    granted(budget, call(2)).settle(1)
    assert granted(budget, call(2)).n == 1
    budget = Budget(calls=1)
    granted(budget, call()).settle(0)
    with pytest.raises(BudgetExhausted, match="every call of the budget is used"):
        budget.reserve(call())


@pytest.mark.parametrize("end", ["settle", "release", "forfeit"])
def test_ending_a_reservation_twice_is_an_error_and_charges_once(end: str) -> None:
    budget = Budget(100)
    grant = granted(budget, call())
    grant.settle(7)
    with pytest.raises(RuntimeError, match="already ended"):
        getattr(grant, end)(*([7] if end == "settle" else []))
    assert (budget.spent, budget.held) == (Amount(7, 1), Amount())


def test_a_negative_bill_is_not_paid_out() -> None:
    budget = Budget(100)
    granted(budget, call()).settle(-50)
    assert budget.spent == Amount(0, 1)


def test_no_limit_is_a_limit_nobody_reaches() -> None:
    budget = Budget()
    granted(budget, call(1000, most=10**9)).forfeit()
    assert budget.view().remaining.tokens > UNLIMITED // 2


@pytest.mark.parametrize(("tokens", "calls"), [(0, None), (-5, None), (None, 0), (None, -1)])
def test_a_budget_that_buys_nothing_is_refused(tokens: int | None, calls: int | None) -> None:
    with pytest.raises(ConfigurationError, match="buys nothing: give a number above 0"):
        Budget(tokens, calls=calls)
    with pytest.raises(ConfigurationError, match="buys nothing"):
        Budget(100).child(tokens, calls=calls)


@pytest.mark.parametrize("reserve", [-1, 100, 101])
def test_a_final_reserve_must_leave_something_for_the_rest(reserve: int) -> None:
    with pytest.raises(ConfigurationError, match="reserve_final"):
        Budget(100, reserve_final=reserve)


# ------------------------------------------------------------------------------------------------------- waiting


def test_it_waits_only_for_what_reservations_in_flight_may_give_back() -> None:
    budget = Budget(60)
    first = granted(budget, call())
    second = granted(budget, call())
    waiting = budget.reserve(call())
    assert isinstance(waiting, Busy)
    assert not waiting.changed.done()
    assert budget.held == Amount(60, 2)
    first.settle(10)
    assert waiting.changed.done()
    still = budget.reserve(call())
    assert isinstance(still, Busy)
    second.settle(10)
    assert still.changed.done()
    assert granted(budget, call()).max_tokens == 20


def test_it_degrades_at_once_where_waiting_could_not_help() -> None:
    budget = Budget(100)
    granted(budget, call()).settle(30)
    flying = granted(budget, call())
    assert isinstance(budget.reserve(call(3)), Busy)  # two of three could fit, were the other call free
    assert granted(budget, call()).n == 1
    flying.release()


def test_it_refuses_at_once_what_no_reservation_could_make_room_for() -> None:
    budget = Budget(40)
    granted(budget, call()).forfeit()
    assert budget.view().remaining.tokens == 10
    with pytest.raises(BudgetExhausted):
        budget.reserve(call())


def test_a_waiter_that_gave_up_is_no_trouble() -> None:
    budget = Budget(30)
    grant = granted(budget, call())
    waiting = budget.reserve(call())
    assert isinstance(waiting, Busy)
    assert waiting.changed.cancel()
    grant.settle(1)
    assert budget.held == Amount()


def test_one_end_wakes_everybody_in_every_budget_of_the_tree() -> None:
    parent = Budget(30)
    one, other = parent.child(30), parent.child(30)
    grant = granted(one, call())
    waiting = [budget.reserve(call()) for budget in (parent, one, other)]
    grant.release()
    assert all(isinstance(busy, Busy) and busy.changed.done() for busy in waiting)


# ------------------------------------------------------------------------------------------------- child budgets


def test_what_a_child_spends_counts_in_every_budget_above() -> None:
    parent = Budget(100)
    child = parent.child(80)
    grandchild = child.child(calls=2)
    granted(grandchild, call()).settle(12)
    for budget in (parent, child, grandchild):
        assert (budget.spent, budget.held) == (Amount(12, 1), Amount())


def test_neither_its_own_nor_its_parents_limit_can_be_passed() -> None:
    parent = Budget(100)
    child = parent.child(40)
    assert granted(child, call(3)).n == 1
    granted(parent, call(2)).forfeit()
    assert parent.view().remaining.tokens == 10
    assert child.view().remaining.tokens == 10
    generous = parent.child(1000)
    with pytest.raises(BudgetExhausted):
        Budget(10).child(1000).reserve(call())
    assert isinstance(generous.reserve(call()), Busy)


def test_nothing_is_set_aside_for_a_child() -> None:
    parent = Budget(60)
    child = parent.child(60)
    granted(parent, call(2)).forfeit()
    with pytest.raises(BudgetExhausted):
        child.reserve(call())


def test_a_child_of_a_checked_budget_is_checked() -> None:
    assert isinstance(CheckedBudget(10).child(5), CheckedBudget)


# ----------------------------------------------------------------------------------------------- final reserve


def test_the_final_reserve_is_for_final_calls_alone() -> None:
    budget = Budget(100, reserve_final=40)
    assert budget.view().remaining.tokens == 60
    granted(budget, call(2)).forfeit()
    with pytest.raises(BudgetExhausted):
        budget.reserve(call())
    assert granted(budget, call(final=True)).n == 1


def test_final_calls_use_up_the_reserve_before_the_rest() -> None:
    budget = Budget(100, reserve_final=40)
    granted(budget, call(final=True)).settle(30)
    assert budget.view().remaining.tokens == 60
    granted(budget, call(final=True)).settle(20)
    assert budget.view().remaining.tokens == 50


def test_a_parents_reserve_is_kept_from_its_children() -> None:
    child = Budget(100, reserve_final=80).child(100)
    assert granted(child, call(5)).max_tokens == 10


def test_it_does_not_wait_for_the_reserve_that_a_final_call_in_flight_will_need_again() -> None:
    budget = Budget(100, reserve_final=50)
    final = granted(budget, call(prompt=10, most=40, final=True))
    grant = granted(budget, call(prompt=10, most=90))
    assert grant.max_tokens == 40
    grant.forfeit()
    with pytest.raises(BudgetExhausted):
        budget.reserve(call())
    final.release()


# ------------------------------------------------------------------------------------------------------ overruns


def test_a_report_above_what_was_allowed_is_charged_and_recorded_and_closes_nothing() -> None:
    budget = Budget(1000)
    granted(budget, call()).settle(31)
    assert budget.overruns == 1
    assert budget.spent == Amount(31, 1)
    assert budget.view().remaining.tokens == 969
    assert granted(budget, call()).release() == Amount()


def test_an_overrun_ends_the_budget_whose_limit_it_passes_and_is_missing_above() -> None:
    parent = Budget(1000)
    task, other = parent.child(100), parent.child(100)
    part = task.child(50)
    granted(task, call()).settle(500)
    for over in (task, part):
        with pytest.raises(BudgetExhausted, match="and 0 of the budget are left"):
            over.reserve(call())
    assert (parent.overruns, task.overruns, other.overruns) == (1, 1, 0)
    assert parent.view().remaining.tokens == 500
    assert granted(other, call()).release() == Amount()


def test_whoever_waits_on_a_budget_that_an_overrun_ends_is_woken_and_refused() -> None:
    budget = Budget(30)
    grant = granted(budget, call())
    waiting = budget.reserve(call())
    assert isinstance(waiting, Busy)
    grant.settle(99)
    assert waiting.changed.done()
    with pytest.raises(BudgetExhausted, match="0 of the budget are left"):
        budget.reserve(call())


# --------------------------------------------------------------------------------------------------------- money


PRICED = {"m": Tariff(input=1_000_000.0, output=3_000_000.0, cached_input=100_000.0)}  # $1, $3 and $0.10 a token


def priced(n: int = 1, *, prompt: int = 10, most: int = 20, least: int = 5, final: bool = False) -> Ask:
    return Ask(prompt, n, most, least, final, model="m")


def test_money_is_held_at_its_upper_bound_and_charged_by_usage() -> None:
    budget = Budget(money=150.0, tariffs=PRICED)
    grant = granted(budget, priced(3))
    assert (grant.n, budget.held.dollars) == (2, 140.0)
    assert grant.settle(Usage(20, 8, cached_input_tokens=10)).dollars == 10 + 1 + 24
    grant = granted(budget, priced())
    assert grant.settle(25).dollars == 5 + 60  # not told which: as much output as it may have been
    assert granted(budget, priced()).max_tokens == 13  # $10 and 13 times $3 of the $50 that are left


def test_a_short_purse_shortens_the_reply() -> None:
    assert granted(Budget(money=40.0, tariffs=PRICED), priced()).max_tokens == 10
    with pytest.raises(BudgetExhausted, match=r"the next call needs at least \$25.000000 and \$24.000000"):
        Budget(money=24.0, tariffs=PRICED).reserve(priced())


def test_completions_nobody_can_account_for_are_charged_at_their_upper_bound_in_every_currency() -> None:
    budget = Budget(money=1000.0, tariffs=PRICED)
    charged = granted(budget, priced(3)).settle(Usage(10, 5), calls=2, unknown=1)
    assert charged == Amount(15 + 30, 2, (25 + 70) * 10**9)
    assert granted(budget, priced(2)).settle(Usage(), unknown=9) == Amount(60, 2, 140 * 10**9)
    assert budget.overruns == 0


def test_a_child_may_limit_money_where_its_parent_does_not_and_has_its_prices() -> None:
    parent = Budget(10_000, tariffs=PRICED)
    child = parent.child(money=70.0)
    assert granted(child, priced(2)).n == 1
    assert parent.held.dollars == 70.0
    assert granted(parent, priced(2)).cost.money == 0  # without a limit in money nobody asks for prices
    assert granted(Budget(money=140.0, tariffs=PRICED).child(1000), priced(3)).n == 2


def test_a_model_without_a_price_is_one_clear_error_and_never_free() -> None:
    budget = Budget(money=1.0)
    with pytest.raises(ConfigurationError, match=r"no price is known for the model 'm': give Budget\(tariffs="):
        budget.reserve(priced())
    assert granted(budget, Ask(10, 1, 20, model="gpt-4o-mini-2024-07-18")).cost.money == 10 * 150 + 20 * 600
    assert granted(budget, Ask(10, 1, 20, tariff=Tariff(1.0, 1.0))).cost.money == 30_000


def test_the_final_reserve_keeps_its_tokens_a_call_and_their_money() -> None:
    budget = Budget(1000, calls=3, money=200.0, reserve_final=20, tariffs=PRICED)
    assert budget.view().remaining.calls == 2
    first = granted(budget, priced(9))
    assert first.n == 2  # 60 of the 200 dollars stay
    assert first.release() == Amount()
    for _ in range(2):
        granted(budget, priced()).settle(Usage(1, 1))
    with pytest.raises(BudgetExhausted, match="every call of the budget is used"):
        budget.reserve(priced())
    assert granted(budget, priced(final=True)).n == 1


# ---------------------------------------------------------------------------------------------------------- time


def test_after_its_seconds_a_budget_grants_nothing() -> None:
    budget = Budget(1000, seconds=0.01)
    child, slower = budget.child(100), budget.child(seconds=3600.0)
    assert budget.seconds_left is not None
    assert 0.0 < budget.seconds_left <= 0.01
    time.sleep(0.02)
    for late in (budget, child, slower):
        assert late.seconds_left == 0.0
        assert late.view().remaining == Amount()
        with pytest.raises(BudgetExhausted, match="the budget's time is up"):
            late.reserve(call())
    assert Budget(10).seconds_left is Budget(10).view().seconds_left is None


def test_whoever_waits_is_woken_when_the_time_is_up() -> None:
    parent = Budget(30)
    grant = granted(parent, call())
    patient, hasty = parent.child(seconds=3600.0).reserve(call()), parent.child(seconds=0.01).reserve(call())
    assert isinstance(patient, Busy)
    assert isinstance(hasty, Busy)
    hasty.changed.result(timeout=60)
    grant.release()
    assert patient.changed.done()


# ------------------------------------------------------------------------------------------- records and restores


def test_what_a_record_knows_to_be_spent_is_never_lost_and_never_counted_twice() -> None:
    parent = Budget(1000)
    budget = parent.child(200)
    granted(budget, call()).settle(20)
    for _ in range(2):
        budget.at_least(Amount(120, 1))
    assert (budget.spent, parent.spent) == (Amount(120, 1), Amount(120, 1))
    budget.at_least(Amount(5, 9))
    assert budget.spent == Amount(120, 9)
    assert granted(budget, call(3)).n == 2


def test_a_snapshot_is_json_and_can_be_restored() -> None:
    budget = Budget(1000)
    granted(budget, call()).settle(20)
    grant = granted(budget, call())
    record = json.loads(json.dumps(budget.snapshot()))
    assert record == {
        "spent": {"tokens": 20, "calls": 1, "money": 0},
        "held": {"tokens": 30, "calls": 1, "money": 0},
        "overruns": 0,
    }
    restored = Budget(1000)
    restored.at_least(Amount(**record["spent"]))
    assert restored.spent == budget.spent
    grant.release()


def test_whoever_waits_is_told_of_a_restore() -> None:
    budget = Budget(30)
    grant = granted(budget, call())
    waiting = budget.reserve(call())
    assert isinstance(waiting, Busy)
    budget.at_least(Amount(0, 1))
    assert waiting.changed.done()
    grant.release()
