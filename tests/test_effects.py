"""Flows, driven by hand with next() and send()."""

from collections.abc import Sequence
from typing import Any

import pytest

from tts_agent.budget import Budget
from tts_agent.effects import (
    Balance,
    Call,
    FirstOf,
    Flow,
    Generate,
    Record,
    Together,
    balance,
    call,
    first_of,
    generate,
    record,
    together,
)
from tts_agent.events import Refused
from tts_agent.messages import user
from tts_agent.sampling import Sample, SampleBatch, SampleRequest

REQUEST = SampleRequest((user("2 + 2?"),), max_tokens=8)


def reply_to(flow: Flow[Any], reply: Any) -> Any:
    """Send the reply to the pending effect; returns what the flow comes to."""
    with pytest.raises(StopIteration) as ended:
        flow.send(reply)
    return ended.value.value


def test_generate_asks_for_samples_and_returns_the_batch() -> None:
    flow = generate(REQUEST, 3, final=True)
    assert next(flow) == Generate(REQUEST, 3, final=True)
    batch = SampleBatch((Sample("4"),))
    assert reply_to(flow, batch) is batch


@pytest.mark.parametrize("n", [0, -1])
def test_generating_nothing_asks_nobody(n: int) -> None:
    flow = generate(REQUEST, n)
    with pytest.raises(StopIteration) as ended:
        next(flow)
    assert ended.value.value == SampleBatch()


def test_call_hands_the_function_over_uncalled() -> None:
    def function() -> int:
        raise AssertionError("a flow calls nothing itself")

    flow = call(function)
    assert next(flow) == Call(function)
    assert reply_to(flow, 4) == 4


def test_together_hands_the_flows_over_unstarted_and_returns_results_in_order() -> None:
    flows = generate(REQUEST, 1), generate(REQUEST, 2)
    flow = together(*flows)
    assert next(flow) == Together(flows)
    assert reply_to(flow, ("a", "b")) == ("a", "b")


def test_first_of_hands_over_the_flows_and_what_is_enough() -> None:
    flows = generate(REQUEST, 1), generate(REQUEST, 2)

    def enough(results: Sequence[SampleBatch]) -> bool:
        return bool(results)

    flow = first_of(*flows, enough=enough)
    assert next(flow) == FirstOf(flows, enough)
    assert reply_to(flow, ("b",)) == ("b",)


def test_balance_and_record_are_asked_for_too() -> None:
    flow: Flow[Any] = balance()
    assert next(flow) == Balance()
    view = Budget(10).view()
    assert reply_to(flow, view) is view
    event = Refused("no room")
    noting = record(event)
    assert next(noting) == Record(event)
    assert reply_to(noting, None) is None


def test_flows_join_by_yield_from() -> None:
    def outer() -> Flow[int]:
        batch = yield from generate(REQUEST, 2)
        number = yield from call(lambda: 1)
        return len(batch.samples) + number

    flow = outer()
    assert isinstance(next(flow), Generate)
    assert isinstance(flow.send(SampleBatch((Sample("4"), Sample("5")))), Call)
    assert reply_to(flow, 1) == 3


def test_an_error_of_an_effect_can_be_caught_where_it_was_asked_for() -> None:
    def careful() -> Flow[str]:
        try:
            yield from call(lambda: 1)
        except ZeroDivisionError:
            return "caught"
        return "missed"

    flow = careful()
    next(flow)
    with pytest.raises(StopIteration) as ended:
        flow.throw(ZeroDivisionError())
    assert ended.value.value == "caught"
