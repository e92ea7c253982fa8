"""Minima of sub-agents: what one was promised no other spends, and what it leaves is anybody's."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent import Budget, BudgetExhausted, ConfigurationError
from tts_agent.budget import Ask, Busy, SqliteStore


def spend(budget: Budget, tokens: int) -> None:
    while isinstance(grant := budget.reserve(Ask(0, 1, tokens, tokens)), Busy):
        grant.changed.result(timeout=60)
    grant.settle(tokens)


def test_a_first_comer_cannot_spend_what_another_was_promised() -> None:
    run = Budget(1_000)
    with run.grant(least=300) as greedy, run.grant(least=300) as late:
        spend(greedy, 700)
        assert greedy.view().remaining.tokens == run.view().remaining.tokens == 0
        for other in (greedy, run, run.child()):
            with pytest.raises(BudgetExhausted, match="0 of the budget are left"):
                spend(other, 1)
        spend(late, 300)
    assert run.spent.tokens == 1_000


def test_what_a_grant_leaves_others_spend() -> None:
    run = Budget(1_000)
    with run.grant(least=400) as mine:
        spend(mine, 100)
        assert run.view().remaining.tokens == 600
    spend(run, 900)


def test_a_grant_inside_a_grant_comes_out_of_it() -> None:
    run = Budget(1_000)
    with run.grant(least=600) as agent, agent.grant(least=400) as helper:
        assert run.view().remaining.tokens == 400
        assert agent.view().remaining.tokens == 600
        spend(agent, 600)
        assert run.view().remaining.tokens == agent.view().remaining.tokens == 0
        spend(helper, 400)
    assert run.spent.tokens == 1_000


def test_more_than_is_left_is_not_promised_and_what_is_no_minimum_is_refused() -> None:
    run = Budget(1_000)
    with (
        run.grant(least=600),
        pytest.raises(BudgetExhausted, match="a minimum of 500 tokens cannot be promised: 400 are left"),
        run.grant(least=500),
    ):
        raise AssertionError
    for tokens, least in ((None, 0), (100, 200)):
        with pytest.raises(ConfigurationError, match="a minimum is above 0"), run.grant(tokens, least=least):
            raise AssertionError
    assert run.view().remaining.tokens == 1_000


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 400)), max_size=40))
def test_no_order_of_calls_takes_a_minimum_away_and_none_waits(calls: list[tuple[int, int]]) -> None:
    run = Budget(1_000)
    with run.grant(least=100) as a, run.grant(least=250) as b, a.grant(least=50) as c:
        used = {a: 0, b: 0, c: 0}
        for who, tokens in calls:
            budget = (run, a, b, c, b.child())[who]
            try:
                spend(budget, tokens)
            except BudgetExhausted:
                continue
            used = {each: spent + tokens * budget.inside(each) for each, spent in used.items()}
            assert a.view().remaining.tokens >= 100 - used[a] - 50
            assert b.view().remaining.tokens >= 250 - used[b]
            assert c.view().remaining.tokens >= 50 - used[c]
        assert run.spent.tokens <= 1_000


def test_eight_sub_agents_in_threads_each_get_their_minimum_and_all_is_spent() -> None:
    run, ready = Budget(10_000), threading.Barrier(8)

    def agent(number: int) -> int:
        with run.grant(least=500) as mine:
            ready.wait(60)
            while True:
                try:
                    spend(mine, 50)
                except BudgetExhausted:
                    return mine.spent.tokens

    with ThreadPoolExecutor(8) as pool:
        spent = list(pool.map(agent, range(8)))
    assert min(spent) >= 500
    assert run.spent.tokens == sum(spent)
    assert run.view().remaining.tokens == 10_000 - sum(spent) < 50 * 8


def test_a_minimum_of_a_process_that_died_is_free_when_its_lease_lapses(tmp_path: Path) -> None:
    def opened() -> Budget:
        return Budget(1_000, store=SqliteStore(tmp_path / "ledger.db", key="run", lease_seconds=1.0))

    dead, alive = opened(), opened()
    dead._book.granted = lambda: None  # type: ignore[method-assign]  # nobody renews its lease
    with dead.grant(least=800):
        assert alive.view().remaining.tokens == 200
        while alive.view().remaining.tokens < 1_000:
            pass
