"""What a model may be told of its budget."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tts_agent.budget import Amount, Budget, notice


def told(budget: Budget) -> str:
    said = notice(budget.view())
    assert said is not None
    return said


def test_nothing_is_said_where_nothing_is_limited() -> None:
    assert notice(Budget().view()) is None


def test_everything_that_is_limited_is_named_with_what_it_began_with() -> None:
    budget = Budget(50_000, calls=12, money=0.5, seconds=3600)
    budget.at_least(Amount(tokens=1_000, calls=1, money=1))
    assert "at least 20,000 of 50,000 tokens, 10 of 12 calls of a model, $0.2 of $0.5 and 2000 seconds." in told(budget)


def test_the_reserve_for_the_last_answer_is_not_counted() -> None:
    assert "5,000 of 10,000 tokens" in told(Budget(10_000, reserve_final=2_000))


def test_a_child_is_told_what_is_left_above_it() -> None:
    parent = Budget(6_000)
    assert "at least 5,000 tokens" in told(parent.child())
    assert "5,000 of 100,000 tokens" in told(parent.child(100_000))


def test_what_is_spent_shows_as_nothing() -> None:
    budget = Budget(100)
    budget.at_least(Amount(tokens=150))
    assert "at least 0 of 100 tokens" in told(budget)


@given(st.integers(1, 10**12), st.floats(0.0, 1.0))
@example(limit=10**12 - 1, share=0.0)
def test_it_never_promises_more_than_there_is_and_half_of_it_at_the_least(limit: int, share: float) -> None:
    budget = Budget(limit)
    budget.at_least(Amount(tokens=int(share * limit)))
    left = limit - int(share * limit)
    promised = int(told(budget).split("at least ")[1].split(" of ")[0].replace(",", ""))
    assert left / 2.5 - 1 <= promised <= left


@pytest.mark.parametrize("limit", [1_000, 50_000])
def test_few_different_things_are_said_in_a_long_run(limit: int) -> None:
    budget, heard = Budget(limit), set()
    for spent in range(0, limit, limit // 100):
        budget.at_least(Amount(tokens=spent))
        heard.add(told(budget))
    assert len(heard) <= 7
