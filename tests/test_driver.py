"""The driver: effects performed, calls reserved and settled, failures retried, interrupts cleaned up."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.budget import Amount, Ask, Budget, BudgetView, Busy, Reservation, Tariff
from tts_agent.driver import Driver
from tts_agent.effects import Effect, Flow, Generate, balance, call, first_of, generate, record, together
from tts_agent.events import Drawn, Refused, Retried
from tts_agent.exceptions import (
    ConfigurationError,
    EndpointUnreachable,
    RateLimited,
    RequestRejected,
    SamplerError,
)
from tts_agent.messages import user
from tts_agent.retry_after import LONGEST_WAIT
from tts_agent.sampling import SampleBatch, SampleRequest, Usage
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.scripted import Fault, ScriptedSampler

REQUEST = SampleRequest((user("What is 2 + 2?"),), max_tokens=10, seed=1)
PROMPT = 5  # words; one call is reserved at 15
BUSY = SamplerError("busy", billed=False, retryable=True, retry_after=0.0)


def counting(**settings_: Any) -> ScriptedSampler:
    """A model that says which sample of the request's stream it draws."""
    return ScriptedSampler(lambda request, index: f"sample {index}", **settings_)


def failing(*errors: BaseException, **settings_: Any) -> ScriptedSampler:
    """The first calls fail."""
    return counting(faults={call: Fault(error=error) for call, error in enumerate(errors)}, **settings_)


def texts(batch: SampleBatch) -> list[str]:
    return [sample.text for sample in batch.samples]


# ----------------------------------------------------------------------------------------------------- effects


async def test_replies_are_sent_into_the_flow_and_its_result_comes_back() -> None:
    def flow() -> Flow[tuple[list[str], int, int]]:
        batch = yield from generate(REQUEST, 2)
        number = yield from call(lambda: 6 * 7)
        view = yield from balance()
        yield from record(Refused("noted"))
        return texts(batch), number, view.remaining.tokens

    driver = Driver(counting(), Budget(100))
    assert await driver.run(flow()) == (["sample 0", "sample 1"], 42, 100 - 2 * (PROMPT + 2))
    assert driver.events[-1] == Refused("noted")


async def test_blocking_functions_run_off_the_event_loop_with_the_callers_context() -> None:
    seen = contextvars.ContextVar("seen", default="nothing")
    seen.set("the caller's")
    driver = Driver(counting(), Budget())
    where, what = await driver.run(call(lambda: (threading.current_thread(), seen.get())))
    assert where is not threading.current_thread()
    assert what == "the caller's"


async def test_flows_run_together_and_their_results_keep_their_order() -> None:
    sampler = counting(faults={0: Fault(latency=0.02)})
    driver = Driver(sampler, Budget())
    other = replace(REQUEST, seed=2)
    first, second = await driver.run(together(generate(REQUEST, 1), generate(other, 2)))
    assert (len(first.samples), len(second.samples)) == (1, 2)
    drawn = [event for event in driver.events if isinstance(event, Drawn)]
    assert [event.asked for event in drawn] == [2, 1]  # the second did not wait for the first
    assert await driver.run(together()) == ()


async def test_an_error_is_thrown_into_the_flow_which_may_go_on() -> None:
    def careful() -> Flow[str]:
        try:
            yield from call(lambda: 1 // 0)
        except ZeroDivisionError:
            batch = yield from generate(REQUEST, 1)
            return texts(batch)[0]
        return "missed"

    assert await Driver(counting(), Budget()).run(careful()) == "sample 0"
    with pytest.raises(ZeroDivisionError):
        await Driver(counting(), Budget()).run(call(lambda: 1 // 0))


async def test_a_function_that_raises_stop_iteration_is_an_error_and_no_endless_wait() -> None:
    empty: list[int] = []
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(Driver(counting(), Budget()).run(call(lambda: next(iter(empty)))), 30)


async def test_what_is_no_effect_is_an_error_that_names_the_usual_cause() -> None:
    def muddled() -> Flow[None]:
        yield generate(REQUEST, 1)  # type: ignore[misc]  # `from` is missing, which is what this is about

    with pytest.raises(TypeError, match="was `yield from` meant"):
        await Driver(counting(), Budget()).run(muddled())


async def test_a_flow_is_closed_however_it_ends() -> None:
    closed: list[str] = []

    def flow(effect: Effect) -> Flow[None]:
        try:
            yield effect
        finally:
            closed.append("closed")

    driver = Driver(ScriptedSampler(["4"]), Budget())
    await driver.run(flow(Generate(REQUEST, 1)))
    with pytest.raises(IndexError):
        await driver.run(flow(Generate(REQUEST, 1)))
    task = asyncio.ensure_future(driver.run(flow(Generate(REQUEST, 1))))
    task.cancel()
    await asyncio.wait([task])
    assert closed == ["closed", "closed"]  # the third was never begun


# -------------------------------------------------------------------------------------------------- the ledger


async def test_a_call_is_reserved_before_and_settled_after() -> None:
    budget = CheckedBudget(100)
    held: list[Amount] = []

    class Looking(ScriptedSampler):
        async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
            held.append(budget.held)
            return await super().sample(request, n)

    driver = Driver(Looking(["a b", "c"]), budget)
    batch = await driver.run(generate(REQUEST, 2))
    assert held == [Amount(2 * 15, 2)]
    assert budget.spent == driver.charged == Amount(2 * PROMPT + 3, 2)
    assert not batch.exhausted
    assert driver.events == [Drawn(2, 2, 2, 10, Usage(2 * PROMPT, 3), 2 * PROMPT + 3, longest=2)]


async def test_a_short_budget_shortens_the_batch_then_the_reply_then_refuses() -> None:
    budget = CheckedBudget(50)
    sampler = ScriptedSampler(lambda request, index: "word " * 20)
    driver = Driver(sampler, budget, min_tokens=5)
    first = await driver.run(generate(REQUEST, 9))
    assert (len(first.samples), first.exhausted, budget.spent.tokens) == (3, True, 45)
    refused = await driver.run(generate(REQUEST, 1))
    assert refused == SampleBatch(exhausted=True)
    assert driver.events[-1] == Refused("the next call needs at least 10 tokens and 5 of the budget are left")
    short = await Driver(sampler, CheckedBudget(12), min_tokens=5).run(generate(REQUEST, 1))
    assert short.samples[0].usage.output_tokens == sampler.calls[-1].request.max_tokens == 7


async def test_a_reply_worth_having_is_never_longer_than_what_was_asked_for() -> None:
    batch = await Driver(counting(), CheckedBudget(100), min_tokens=16).run(generate(REQUEST, 1))
    assert len(batch.samples) == 1


async def test_a_sampler_that_bills_no_tokens_still_uses_up_calls() -> None:
    class Free(ScriptedSampler):
        async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
            return replace(await super().sample(request, n), usage=Usage())

    budget = CheckedBudget(calls=3)
    driver = Driver(Free(["4"] * 9), budget)
    assert len((await driver.run(generate(REQUEST, 2))).samples) == 2
    assert budget.spent == Amount(0, 2)
    assert len((await driver.run(generate(REQUEST, 2))).samples) == 1
    assert (await driver.run(generate(REQUEST, 2))).exhausted


async def test_unaccounted_samples_are_charged_at_their_upper_bound() -> None:
    budget = CheckedBudget(100)
    sampler = ScriptedSampler(["4"] * 3, faults={0: Fault(unaccounted=2)})
    await Driver(sampler, budget).run(generate(REQUEST, 3))
    assert budget.spent == Amount(PROMPT + 1 + 2 * 15, 3)
    assert budget.overruns == 0


async def test_more_samples_than_were_granted_are_not_passed_on() -> None:
    class Generous(ScriptedSampler):
        async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
            return await super().sample(request, n + 2)

    batch = await Driver(Generous(["4"] * 3), CheckedBudget(100)).run(generate(REQUEST, 1))
    assert len(batch.samples) == 1


async def test_a_report_above_what_was_allowed_is_charged_and_the_task_goes_on_with_what_is_left() -> None:
    budget = CheckedBudget(50)
    driver = Driver(counting(faults={0: Fault(overreport=25)}), budget, min_tokens=5)
    assert len((await driver.run(generate(REQUEST, 1))).samples) == 1
    assert (budget.overruns, budget.spent.tokens) == (1, 40)
    assert len((await driver.run(generate(REQUEST, 1))).samples) == 1
    assert (await driver.run(generate(REQUEST, 1))).exhausted
    assert budget.spent.tokens == 47


async def test_money_is_reserved_for_the_samplers_model_and_charged_by_its_usage() -> None:
    tariffs = {"scripted": Tariff(input=1000.0, output=4000.0)}
    budget = CheckedBudget(money=0.1, tariffs=tariffs)
    driver = Driver(counting(), budget, min_tokens=5)
    batch = await driver.run(generate(REQUEST, 3))
    assert (len(batch.samples), batch.exhausted) == (2, True)  # each could cost 5 * $0.001 + 10 * $0.004
    assert budget.spent.dollars == driver.charged.dollars == 0.026  # 2 * (5 * $0.001 + 2 * $0.004)


async def test_a_model_without_a_price_is_an_error_where_money_is_limited() -> None:
    budget = CheckedBudget(money=1.0)
    sampler = counting()
    with pytest.raises(ConfigurationError, match="no price is known for the model 'scripted'"):
        await Driver(sampler, budget).run(generate(REQUEST, 1))
    assert (sampler.calls, budget.held) == ([], Amount())


async def test_final_calls_may_use_the_final_reserve() -> None:
    budget = CheckedBudget(40, reserve_final=30)
    driver = Driver(counting(), budget)
    assert (await driver.run(generate(REQUEST, 1))).exhausted
    assert len((await driver.run(generate(REQUEST, 1, final=True))).samples) == 1


async def test_a_call_waits_for_reservations_in_flight_and_then_goes_ahead() -> None:
    budget = CheckedBudget(20)
    grant = budget.reserve(Ask(0, 1, 20))
    assert isinstance(grant, Reservation)
    task = asyncio.ensure_future(Driver(counting(), budget).run(generate(REQUEST, 1)))
    await asyncio.sleep(0.01)
    assert not task.done()
    threading.Timer(0.01, grant.release).start()
    assert len((await asyncio.wait_for(task, 30)).samples) == 1


async def test_a_driver_that_may_not_wait_for_others_still_waits_for_itself() -> None:
    budget = CheckedBudget(25)
    driver = Driver(counting(latency=0.02), budget, min_tokens=1, may_wait=False)
    first, second = await driver.run(together(generate(REQUEST, 1), generate(replace(REQUEST, seed=2), 1)))
    assert (len(first.samples), len(second.samples)) == (1, 1)
    other = asyncio.ensure_future(Driver(counting(latency=0.1), budget, min_tokens=1).run(generate(REQUEST, 1)))
    await asyncio.sleep(0.02)
    with pytest.raises(ConfigurationError, match="await arun"):
        await driver.run(generate(REQUEST, 1))
    assert len((await other).samples) == 1


async def test_a_request_that_the_sampler_refuses_to_send_costs_nothing() -> None:
    budget = CheckedBudget(100)
    driver = Driver(failing(ConfigurationError("this model has no tools")), budget)
    with pytest.raises(ConfigurationError, match="no tools"):
        await driver.run(generate(REQUEST, 1))
    assert budget.held == budget.spent == driver.charged == Amount()


async def test_a_request_that_cannot_be_asked_leaves_nothing_reserved() -> None:
    budget = CheckedBudget(100)
    listed = replace(REQUEST, stop=["\n"])  # type: ignore[arg-type]  # a list cannot be a key
    with pytest.raises(TypeError, match="unhashable"):
        await Driver(counting(), budget).run(generate(listed, 1))
    assert budget.held == Amount()
    with pytest.raises(ConfigurationError):
        await Driver(counting(), budget).run(_raw(Generate(REQUEST, 0)))


def _raw(effect: Effect) -> Flow[Any]:
    return (yield effect)


@pytest.mark.parametrize("reply", [None, []])
async def test_a_sampler_that_returns_nonsense_leaves_nothing_reserved(reply: Any) -> None:
    class Broken(ScriptedSampler):
        async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
            result: SampleBatch = reply
            return result

    budget = CheckedBudget(100)
    driver = Driver(Broken([]), budget)
    with pytest.raises(AttributeError):
        await driver.run(generate(REQUEST, 1))
    assert (budget.held, budget.spent) == (Amount(), Amount(15, 1))
    assert driver.charged == Amount(15, 1)


# ----------------------------------------------------------------------------------------- failures and retries


async def test_a_failure_that_was_not_billed_is_released_and_retried() -> None:
    budget = CheckedBudget(100)
    driver = Driver(failing(RateLimited("slow down", retry_after=0.01), BUSY), budget)
    batch = await driver.run(generate(REQUEST, 1))
    assert len(batch.samples) == 1
    assert budget.spent == driver.charged == Amount(PROMPT + 2, 1)
    retries = [event for event in driver.events if isinstance(event, Retried)]
    assert retries == [Retried("slow down", 0.01), Retried("busy", 0.0)]
    assert [event.failures for event in driver.events if isinstance(event, Drawn)] == [("slow down",), ("busy",), ()]


async def test_it_waits_as_long_as_the_endpoint_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    sampler = failing(RateLimited("slow down", retry_after=7.0), EndpointUnreachable("no route"))
    monkeypatch.setattr("tts_agent.driver.asyncio.sleep", sleep)
    await Driver(sampler, Budget()).run(generate(REQUEST, 1))
    pauses = [seconds for seconds in waited if seconds]
    assert pauses[0] == 7.0
    assert 0.1 <= pauses[1] <= 1.1  # not told: exponential, with jitter


async def test_an_endpoint_that_asks_for_too_long_a_pause_has_failed() -> None:
    sampler = failing(RateLimited("tomorrow", retry_after=LONGEST_WAIT + 1.0))
    driver = Driver(sampler, Budget())
    batch = await driver.run(generate(REQUEST, 1))
    assert [str(failure) for failure in batch.failures] == ["tomorrow"]
    assert driver.last_failure is batch.failures[0]
    assert len(sampler.calls) == 1


async def test_a_failure_that_may_have_been_billed_is_charged_in_full() -> None:
    budget = CheckedBudget(100)
    driver = Driver(failing(SamplerError("dropped")), budget)
    batch = await driver.run(generate(REQUEST, 2))
    assert (batch.samples, len(batch.failures)) == ((), 1)
    assert budget.spent == driver.charged == Amount(30, 2)


async def test_what_would_fail_again_is_not_retried() -> None:
    sampler = failing(RequestRejected("unknown model"))
    batch = await Driver(sampler, Budget()).run(generate(REQUEST, 1))
    assert str(batch.failures[0]) == "unknown model"
    assert len(sampler.calls) == 1


@pytest.mark.parametrize("retries", [0, 1, 3])
async def test_there_are_only_so_many_retries(retries: int) -> None:
    sampler = failing(*[BUSY] * 9)
    driver = Driver(sampler, Budget(), max_retries=retries)
    batch = await driver.run(generate(REQUEST, 1))
    assert len(batch.failures) == 1
    assert len(sampler.calls) == retries + 1


async def test_each_retry_is_reserved_anew_and_refused_when_nothing_is_left() -> None:
    budget = CheckedBudget(29)
    timeout = SamplerError("timeout", billed=True, retryable=True, retry_after=0.0)
    batch = await Driver(failing(timeout, timeout), budget).run(generate(REQUEST, 1))
    assert batch == SampleBatch(exhausted=True)
    assert budget.spent == Amount(15, 1)


async def test_some_failed_completions_leave_the_others_standing() -> None:
    budget = CheckedBudget(100)
    sampler = ScriptedSampler(["4", RateLimited("slow down"), SamplerError("dropped")])
    driver = Driver(sampler, budget)
    batch = await driver.run(generate(REQUEST, 3))
    assert texts(batch) == ["4"]
    assert [str(failure) for failure in batch.failures] == ["slow down", "dropped"]
    assert driver.last_failure is batch.failures[0]
    assert budget.spent == Amount(PROMPT + 1 + 15, 2)  # the first failure was neither billed nor counted


async def test_a_bug_in_a_sampler_is_raised_and_charged_in_full() -> None:
    budget = CheckedBudget(100)
    with pytest.raises(ZeroDivisionError):
        await Driver(failing(ZeroDivisionError()), budget).run(generate(REQUEST, 1))
    assert (budget.spent, budget.held) == (Amount(15, 1), Amount())


# ------------------------------------------------------------------------------------------------------ streams


async def test_asking_again_continues_the_stream() -> None:
    driver = Driver(counting(), Budget())
    batches = [await driver.run(generate(REQUEST, n)) for n in (2, 1, 3)]
    assert [text for batch in batches for text in texts(batch)] == [f"sample {i}" for i in range(6)]
    assert texts(await driver.run(generate(replace(REQUEST, seed=2), 1))) == ["sample 0"]


@settings(max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    faults=st.dictionaries(
        st.integers(0, 8),
        st.sampled_from([Fault(error=BUSY), Fault(missing=1), Fault(error=SamplerError("dropped"))]),
        max_size=4,
    ),
    limit=st.none() | st.integers(20, 200),
    at_once=st.booleans(),
)
def test_no_draw_of_a_stream_is_ever_repeated(
    sizes: list[int], faults: dict[int, Fault], limit: int | None, at_once: bool
) -> None:
    def flow() -> Flow[list[str]]:
        if at_once:
            batches = list((yield from together(*(generate(REQUEST, n) for n in sizes))))
        else:
            batches = []
            for n in sizes:
                batches.append((yield from generate(REQUEST, n)))
        return [text for batch in batches for text in texts(batch)]

    drawn = asyncio.run(Driver(counting(faults=faults), CheckedBudget(limit)).run(flow()))
    assert len(set(drawn)) == len(drawn)


async def test_a_request_may_begin_further_on_in_its_stream() -> None:
    driver = Driver(counting(), Budget())
    assert texts(await driver.run(generate(replace(REQUEST, offset=5), 2))) == ["sample 5", "sample 6"]
    assert texts(await driver.run(generate(replace(REQUEST, offset=5), 1))) == ["sample 7"]


# ---------------------------------------------------------------------------------------------------- interrupts


async def test_a_call_that_is_interrupted_is_charged_in_full() -> None:
    budget = CheckedBudget(100)
    driver = Driver(counting(latency=3600.0), budget)
    task = asyncio.ensure_future(driver.run(generate(REQUEST, 2)))
    await asyncio.sleep(0.01)
    assert budget.held == Amount(30, 2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (budget.held, budget.spent, driver.charged) == (Amount(), Amount(30, 2), Amount(30, 2))


async def test_an_interrupt_while_waiting_for_room_costs_nothing() -> None:
    budget = CheckedBudget(20)
    grant = budget.reserve(Ask(0, 1, 20))
    assert isinstance(grant, Reservation)
    sampler = counting()
    task = asyncio.ensure_future(Driver(sampler, budget).run(generate(REQUEST, 1)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert grant.release() == Amount()
    assert (budget.held, budget.spent, sampler.calls) == (Amount(), Amount(), [])
    assert not isinstance(budget.reserve(Ask(0, 1, 20)), Busy)


async def test_calls_in_flight_when_the_time_is_up_are_cancelled_and_charged_and_the_others_kept() -> None:
    def flow() -> Flow[tuple[SampleBatch, SampleBatch, SampleBatch]]:
        soon = yield from generate(REQUEST, 1)
        late = yield from generate(REQUEST, 1)
        after = yield from generate(REQUEST, 1)
        return soon, late, after

    budget = CheckedBudget(100, seconds=0.2)
    driver = Driver(counting(faults={1: Fault(latency=3600.0)}), budget)
    soon, late, after = await asyncio.wait_for(driver.run(flow()), 30)
    assert (len(soon.samples), late, after) == (1, SampleBatch(exhausted=True), SampleBatch(exhausted=True))
    assert driver.events[-2:] == [
        Refused("the budget's time was up before the call came back"),
        Refused("the budget's time is up"),
    ]
    assert (budget.held, budget.spent, driver.charged) == (Amount(), *[Amount(PROMPT + 2 + 15, 2)] * 2)


async def test_waiting_for_room_ends_when_the_time_is_up() -> None:
    budget = CheckedBudget(20)
    grant = budget.reserve(Ask(0, 1, 20))
    assert isinstance(grant, Reservation)
    driver = Driver(counting(), budget.child(seconds=0.05))
    assert (await asyncio.wait_for(driver.run(generate(REQUEST, 1)), 30)).exhausted
    assert budget.held == grant.cost


async def test_an_interrupt_at_the_deadline_is_an_interrupt() -> None:
    budget = CheckedBudget(100, seconds=1.0)
    task = asyncio.ensure_future(Driver(counting(latency=3600.0), budget).run(generate(REQUEST, 1)))
    await asyncio.sleep(0.01)
    asyncio.get_running_loop().call_later(1.05, task.cancel)
    time.sleep(1.2)  # noqa: ASYNC251 - so that the loop finds both due, the deadline first
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (budget.held, budget.spent) == (Amount(), Amount(15, 1))


async def test_it_does_not_pause_beyond_the_deadline() -> None:
    sampler = failing(RateLimited("later", retry_after=50.0))
    driver = Driver(sampler, CheckedBudget(100, seconds=20.0))
    batch = await driver.run(generate(REQUEST, 1))
    assert [str(failure) for failure in batch.failures] == ["later"]
    assert len(sampler.calls) == 1


async def test_an_interrupt_between_retries_costs_nothing() -> None:
    budget = CheckedBudget(100)
    sampler = failing(RateLimited("later", retry_after=50.0))
    task = asyncio.ensure_future(Driver(sampler, budget).run(generate(REQUEST, 1)))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert (budget.held, budget.spent) == (Amount(), Amount())


async def test_one_failing_flow_cancels_its_siblings_and_waits_for_them() -> None:
    budget = CheckedBudget(1000)
    closed: list[int] = []

    def sibling(number: int) -> Flow[SampleBatch]:
        try:
            return (yield from generate(replace(REQUEST, seed=number), 1))
        finally:
            closed.append(number)

    def failing_soon() -> Flow[SampleBatch]:
        yield from generate(replace(REQUEST, seed=9), 1)
        raise ZeroDivisionError

    sampler = counting(faults={0: Fault(latency=3600.0), 1: Fault(latency=3600.0)})
    with pytest.raises(ZeroDivisionError):
        await Driver(sampler, budget).run(together(sibling(1), sibling(2), failing_soon()))
    assert sorted(closed) == [1, 2]
    assert (budget.held, budget.spent.calls) == (Amount(), 3)


async def test_the_first_results_are_enough_and_calls_in_flight_are_cancelled_and_charged() -> None:
    budget = CheckedBudget(1000)
    sampler = counting(faults={0: Fault(latency=3600.0), 1: Fault(latency=0.05)})
    driver = Driver(sampler, budget)
    flows = (generate(replace(REQUEST, seed=number), 1) for number in range(3))
    came = await driver.run(first_of(*flows, enough=lambda results: len(results) >= 2))
    assert [batch.samples for batch in came] == [(sampler.samples[0],), (sampler.samples[1],)]
    drawn = [event for event in driver.events if isinstance(event, Drawn)]
    assert [(event.received, event.charged) for event in drawn] == [(1, 7), (1, 7), (0, 15)]
    assert (budget.held, budget.spent, driver.charged) == (Amount(), Amount(29, 3), Amount(29, 3))


async def test_results_that_are_never_enough_all_come() -> None:
    driver = Driver(counting(faults={0: Fault(latency=0.05)}), Budget())
    assert await driver.run(first_of(enough=lambda results: True)) == ()
    flows = (generate(replace(REQUEST, seed=number), number) for number in (1, 2))
    came = await driver.run(first_of(*flows, enough=lambda results: False))
    assert [len(batch.samples) for batch in came] == [2, 1]


async def test_an_error_before_there_is_enough_cancels_the_rest() -> None:
    budget = CheckedBudget(1000)
    sampler = counting(faults={0: Fault(latency=3600.0)})
    flows = generate(REQUEST, 1), call(lambda: SampleBatch(unaccounted=1 // 0))
    with pytest.raises(ZeroDivisionError):
        await Driver(sampler, budget).run(first_of(*flows, enough=lambda results: False))
    assert budget.held == Amount()


async def test_a_flow_may_go_on_after_its_siblings_failed() -> None:
    def careful() -> Flow[str]:
        try:
            yield from together(call(lambda: 1 // 0), call(lambda: 1))
        except ZeroDivisionError:
            return texts((yield from generate(REQUEST, 1)))[0]
        return "missed"

    assert await Driver(counting(), Budget()).run(careful()) == "sample 0"


async def test_an_interrupt_reaches_every_flow_that_runs_together() -> None:
    budget = CheckedBudget(1000)
    flows = [generate(replace(REQUEST, seed=number), 1) for number in range(3)]
    task = asyncio.ensure_future(Driver(counting(latency=3600.0), budget).run(together(*flows)))
    await asyncio.sleep(0.01)
    assert budget.held.calls == 3
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert (budget.held, budget.spent.calls) == (Amount(), 3)


async def test_a_flow_sees_the_budget_of_its_task() -> None:
    parent = Budget(100)
    view = await Driver(counting(), parent.child(40)).run(balance())
    assert isinstance(view, BudgetView)
    assert (view.limit.tokens, view.remaining.tokens) == (40, 40)


async def test_a_timeout_leaves_nothing_reserved() -> None:
    budget = CheckedBudget(100)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await Driver(counting(latency=3600.0), budget).run(generate(REQUEST, 1))
    assert budget.held == Amount()
