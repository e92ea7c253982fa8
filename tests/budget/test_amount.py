"""What is counted, and what a call asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.budget import Amount, Ask, Tariff
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Usage

PRICES = st.sampled_from([0.0, 0.0004, 0.075, 2.5, 1000.0])
ASKS = st.builds(
    lambda prompt, n, least, more, tariff: Ask(prompt, n, least + more, least, tariff=tariff),
    st.integers(0, 50),
    st.integers(1, 9),
    st.integers(1, 20),
    st.integers(0, 40),
    st.none() | st.builds(Tariff, PRICES, PRICES, st.none() | PRICES),
)
AVAILABLE = st.builds(Amount, st.integers(-5, 600), st.integers(-1, 10), st.integers(-5, 10**6) | st.integers(0, 10**9))


def test_amounts_add_subtract_and_compare_by_part() -> None:
    small, wide = Amount(3, 1, 7), Amount(5, 0, 9)
    assert small + wide == Amount(8, 1, 16)
    assert small - wide == Amount(-2, 1, -2)
    assert small.least(wide) == Amount(3, 0, 7)
    assert small.most(wide) == Amount(5, 1, 9)
    assert Amount(3, 0, 7).within(small)
    assert not small.within(wide)
    assert not Amount(money=8).within(small)
    assert Amount(money=2_500_000_000).dollars == 2.5


def test_a_short_budget_costs_samples_first_then_length_then_the_call() -> None:
    ask = Ask(prompt_tokens=10, n=3, max_tokens=20, min_tokens=5)
    assert ask.fit(Amount(90, 3)) == (3, 20)
    assert ask.fit(Amount(89, 3)) == (2, 20)
    assert ask.fit(Amount(90, 2)) == (2, 20)
    assert ask.fit(Amount(30, 9)) == (1, 20)
    assert ask.fit(Amount(29, 9)) == (1, 19)
    assert ask.fit(Amount(15, 9)) == (1, 5)
    assert ask.fit(Amount(14, 9)) is None
    assert ask.fit(Amount(90, 0)) is None


@given(ask=ASKS, available=AVAILABLE)
def test_what_is_planned_is_affordable_and_worth_having(ask: Ask, available: Amount) -> None:
    plan = ask.fit(available)
    if plan is None:
        assert not ask.cost(1, ask.min_tokens).within(available)
        return
    n, max_tokens = plan
    assert ask.cost(n, max_tokens).within(available)
    assert 1 <= n <= ask.n
    assert ask.min_tokens <= max_tokens <= ask.max_tokens
    if max_tokens < ask.max_tokens:
        assert n == 1
        assert not ask.cost(1, max_tokens + 1).within(available)
    elif n < ask.n:
        assert not ask.cost(n + 1, max_tokens).within(available)


@given(
    ask=ASKS,
    used=st.integers(0, 400),
    cached=st.integers(0, 50),
    split=st.floats(0.0, 1.0),
    calls=st.integers(0, 9),
    unknown=st.integers(0, 3),
)
def test_a_bill_inside_what_was_allowed_is_inside_what_was_held(
    *, ask: Ask, used: int, cached: int, split: float, calls: int, unknown: int
) -> None:
    n, known = ask.n + unknown, Ask.cost(ask, ask.n, ask.max_tokens)
    tokens = min(used, known.tokens)
    inputs = min(int(split * tokens), ask.n * ask.prompt_tokens)
    outputs = min(tokens - inputs, ask.n * ask.max_tokens)
    usage = Usage(inputs, outputs, min(cached, inputs))
    discount = ask.tariff is None or (ask.tariff.cached_input or 0.0) <= ask.tariff.input
    exact = ask.bill(usage, n, ask.max_tokens, calls=min(calls, n), unknown=unknown)
    assert exact.within(ask.cost(n, ask.max_tokens)) or not discount
    rough = ask.bill(usage.total, ask.n, ask.max_tokens, calls=0)
    assert rough.within(known) or not discount
    assert ask.bill(usage, ask.n, ask.max_tokens, calls=0).money <= rough.money or not discount


@pytest.mark.parametrize(
    "numbers",
    [(10, 0, 5, 1), (-1, 1, 5, 1), (10, 1, 5, 6), (10, 1, 5, 0), (10, 1, 0, 1)],
    ids=["no samples", "negative prompt", "least above most", "least of nothing", "no output"],
)
def test_a_call_that_cannot_be_made_is_refused(numbers: tuple[int, int, int, int]) -> None:
    with pytest.raises(ConfigurationError, match="no such call can be made"):
        Ask(*numbers)
