"""The guard: every call of a real client is reserved before it is sent and settled however it ends.

Asynchronous calls run on the package's background loop, which lives on: a loop that ended would leave the client's
connections unclosed.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import cache, wraps
from typing import Any, cast

import pytest
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler, UsageMetadataCallbackHandler
from langchain_core.language_models import FakeListLLM
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_openai import ChatOpenAI, OpenAI
from pydantic import BaseModel, SecretStr

from tests.nodes.models import ScriptedModel, WrappingModel, message, openai_model
from tts_agent import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import ToolCall
from tts_agent.nodes.errors import BudgetExceededError
from tts_agent.nodes.token_budget import token_budget
from tts_agent.portal import run_sync
from tts_agent.sampling import Sample
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import Reply, ScriptedSampler

PROMPT = "what is 6 times 7"
CAP = 20
Invoke = Callable[..., Any]


class Endpoint(Loopback):
    """One that says the same over and over, and knows what it would bill."""

    def __init__(self, reply: Reply = "it is 42", *, faults: Sequence[Fault | None] = (), latency: float = 0.0) -> None:
        self.sampler = ScriptedSampler(lambda request, index: reply, latency=latency)
        super().__init__(self.sampler, faults=faults)

    @property
    def billed(self) -> int:
        return sum(sample.usage.total for sample in self.sampler.samples)

    def model(self, **fields: Any) -> ChatOpenAI:
        return openai_model(self, **{"max_tokens": CAP, "max_retries": 0, **fields})


def on_the_background_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    @wraps(test)
    def run() -> None:
        bound()  # the endpoint needs the loop
        run_sync(test())

    return run


async def arrival(endpoint: Endpoint) -> None:
    """The first request is there."""
    while not endpoint.requests:  # noqa: ASYNC110 - a server in threads sets no event of this loop
        await asyncio.sleep(0.005)


@cache
def bound() -> int:
    """What is reserved for a first call."""
    with Endpoint() as endpoint, token_budget(None) as budget:
        held: list[int] = []

        class Peek(BaseCallbackHandler):
            def on_llm_end(self, *_: Any, **__: Any) -> None:
                held.append(budget.held.tokens)

        endpoint.model(callbacks=[Peek()]).invoke(PROMPT)
    return held[0]


@pytest.fixture(params=["invoke", "ainvoke", "stream", "astream", "invoke in a loop"])
def call(request: pytest.FixtureRequest) -> Invoke:
    """Calls a model in one of the ways people do."""

    async def ainvoke(model: Any, *arguments: Any) -> Any:
        return await model.ainvoke(*arguments)

    async def astream(model: Any, *arguments: Any) -> Any:
        return [chunk async for chunk in model.astream(*arguments)]

    async def invoke(model: Any, *arguments: Any) -> Any:
        return model.invoke(*arguments)

    return {
        "invoke": lambda model, *arguments: model.invoke(*arguments),
        "stream": lambda model, *arguments: list(model.stream(*arguments)),
        "ainvoke": lambda model, *arguments: run_sync(ainvoke(model, *arguments)),
        "astream": lambda model, *arguments: run_sync(astream(model, *arguments)),
        # ... in a loop of its own: the endpoint is served by the background loop
        "invoke in a loop": lambda model, *arguments: asyncio.run(invoke(model, *arguments)),
    }[str(request.param)]


def test_a_call_is_charged_with_what_the_provider_reports(call: Invoke) -> None:
    with Endpoint() as endpoint, token_budget(CheckedBudget(1000)) as budget:
        call(endpoint.model(stream_usage=True), PROMPT)
        assert endpoint.billed == budget.spent.tokens == 8
        assert (budget.spent.calls, budget.held.tokens) == (1, 0)


def test_a_call_that_does_not_fit_is_refused_before_it_is_sent(call: Invoke) -> None:
    with Endpoint() as endpoint, token_budget(100) as budget:
        with pytest.raises(BudgetExceededError, match="100 of the budget are left"):
            call(endpoint.model(), PROMPT, RunnableConfig(callbacks=[UsageMetadataCallbackHandler()]))
        assert endpoint.requests == []
        assert budget.spent.tokens == budget.held.tokens == 0


def test_a_stream_that_does_not_say_what_it_cost_is_charged_in_full() -> None:
    with Endpoint() as endpoint, token_budget(5000) as budget:
        list(endpoint.model(stream_usage=False).stream(PROMPT))
        assert budget.spent.tokens > endpoint.billed + CAP


@pytest.mark.parametrize("call", ["invoke", "ainvoke", "astream"], indirect=True)
@pytest.mark.parametrize(
    ("fault", "charged"),
    [
        (Fault(status=429), False),
        (Fault(status=400), False),
        (Fault(status=500), True),
        (Fault(drop=True), True),
        (Fault(body="<html>"), True),
        (Fault(null_usage=True), True),
    ],
    ids=["429", "400", "500", "dropped", "html", "no usage"],
)
def test_a_failed_call_is_charged_in_full_unless_it_was_certainly_not_billed(
    call: Invoke, fault: Fault, charged: bool
) -> None:
    with Endpoint(faults=[fault]) as endpoint, token_budget(CheckedBudget(5000)) as budget:
        with suppress(Exception):  # of openai, httpx or LangChain: only the bill matters here
            call(endpoint.model(stream_usage=True), PROMPT)
        assert (budget.spent.tokens > 100) is charged
        assert budget.held.tokens == 0
        call(endpoint.model(), PROMPT)  # and life goes on


def test_the_second_turn_of_a_conversation_is_bounded_by_what_the_first_was_billed() -> None:
    with Endpoint() as endpoint, token_budget(bound()) as budget:
        for _ in range(5):  # by bytes, only the first would fit
            endpoint.model().invoke(PROMPT)
        assert budget.spent.tokens == endpoint.billed


def test_completions_of_one_request_are_counted_once() -> None:
    with Endpoint() as endpoint, token_budget(5000) as budget:
        endpoint.model().bind(n=4).invoke(PROMPT)
        assert budget.spent.tokens == endpoint.billed
        assert budget.spent.calls == 4


def test_a_request_for_more_completions_than_fit_is_refused_whole() -> None:
    with Endpoint() as endpoint, token_budget(5000, calls=3) as budget:
        with pytest.raises(BudgetExceededError, match="4 completions"):
            endpoint.model().bind(n=4).invoke(PROMPT)
        assert budget.held.tokens == budget.spent.tokens == 0


def test_batches_are_on_the_ledger() -> None:
    with Endpoint() as endpoint, token_budget(CheckedBudget(50_000)) as budget:
        endpoint.model().batch([PROMPT] * 5)
        run_sync(_abatch(endpoint.model()))
        assert budget.spent.tokens == endpoint.billed
        assert budget.spent.calls == 10


async def _abatch(model: ChatOpenAI) -> None:
    await model.abatch([PROMPT] * 5)


def test_several_prompts_of_one_call_do_not_wait_for_each_other() -> None:
    model = ScriptedModel(script=lambda _: AIMessage("42"), max_tokens=CAP)  # each is charged in full
    prompts: list[list[BaseMessage]] = [[HumanMessage(PROMPT)], [HumanMessage(PROMPT)]]
    with token_budget(None) as budget:
        model.generate(prompts)
    for generate in (model.generate, lambda prompts: run_sync(model.agenerate(prompts))):
        with token_budget(budget.spent.tokens - 1), pytest.raises(BudgetExceededError):
            generate(prompts)
        with token_budget(budget.spent.tokens) as exact:
            generate(prompts)
        assert exact.spent == budget.spent


def test_structured_output_is_on_the_ledger() -> None:
    class Answer(BaseModel):
        value: int

    said = Sample("", "tool_calls", (ToolCall("Answer", '{"value": 42}', "c1"),))
    with Endpoint(said) as endpoint, token_budget(20_000) as budget:
        answer = endpoint.model().with_structured_output(Answer, method="function_calling").invoke(PROMPT)
        assert answer == Answer(value=42)
        assert budget.spent.tokens == endpoint.billed > 0


def test_what_the_cache_answers_costs_nothing() -> None:
    with Endpoint() as endpoint, token_budget(5000) as budget:
        model = endpoint.model(cache=InMemoryCache())
        model.invoke(PROMPT)
        once = budget.spent
        model.invoke(PROMPT)
        assert budget.spent == once
        assert len(endpoint.requests) == 1


def test_models_that_complete_text_are_guarded_too() -> None:
    with token_budget(5000, max_output_tokens=50) as budget:
        FakeListLLM(responses=["42"]).invoke(PROMPT)
        assert budget.spent.tokens >= 50  # it reports nothing
        run_sync(FakeListLLM(responses=["42"]).ainvoke(PROMPT))
        assert budget.spent.calls == 2
    model = OpenAI(model="scripted", base_url="http://127.0.0.1:9/v1", api_key=SecretStr("any"), max_tokens=500)
    with token_budget(100), pytest.raises(BudgetExceededError):
        model.invoke(PROMPT)


def test_a_call_without_a_cap_is_refused_until_somebody_says_what_its_most_is() -> None:
    with Endpoint() as endpoint:
        with token_budget(5000), pytest.raises(BudgetExceededError, match="max_output_tokens"):
            endpoint.model(max_tokens=None).invoke(PROMPT)
        with token_budget(5000, max_output_tokens=100) as budget:
            endpoint.model(max_tokens=None).invoke(PROMPT)
            assert budget.spent.tokens == endpoint.billed


def test_repeats_inside_a_call_are_spoken_of_once(caplog: pytest.LogCaptureFixture) -> None:
    with Endpoint() as endpoint, token_budget(5000), caplog.at_level(logging.WARNING, "tts_agent"):
        endpoint.model().invoke(PROMPT)
        assert not caplog.records
        endpoint.model(max_retries=2).invoke(PROMPT)
        endpoint.model(max_retries=2).invoke(PROMPT)
    assert ["max_retries=0" in record.getMessage() for record in caplog.records] == [True]


def test_langchain_s_own_retries_are_on_the_ledger() -> None:
    with Endpoint(faults=[Fault(status=500)]) as endpoint, token_budget(5000) as budget:
        endpoint.model().with_retry(wait_exponential_jitter=False).invoke(PROMPT)
        assert budget.spent.calls == 2
        assert budget.spent.tokens > endpoint.billed  # the first may have been billed


# ------------------------------------------------------------------------------------------------------ waiting


@on_the_background_loop
async def test_a_call_waits_while_only_others_in_flight_are_in_the_way() -> None:
    with Endpoint(latency=0.01) as endpoint, token_budget(bound() + 40) as budget:
        replies = await asyncio.gather(*(endpoint.model().ainvoke(PROMPT) for _ in range(5)))
        assert len(replies) == 5
        assert budget.spent.tokens == endpoint.billed


def test_threads_wait_too() -> None:
    with Endpoint(latency=0.01) as endpoint, token_budget(bound() + 40) as budget, ThreadPoolExecutor(5) as threads:
        model = endpoint.model()
        calls = [threads.submit(copy_context().run, model.invoke, PROMPT) for _ in range(5)]
        assert all(call.result() for call in calls)
        assert budget.spent.tokens == endpoint.billed


@on_the_background_loop
async def test_a_synchronous_call_inside_an_event_loop_is_refused_where_it_would_have_to_wait() -> None:
    with Endpoint(latency=0.2) as endpoint, token_budget(bound()):
        pending = asyncio.create_task(endpoint.model().ainvoke(PROMPT))
        await arrival(endpoint)
        with pytest.raises(BudgetExceededError, match="await ainvoke"):
            endpoint.model().invoke(PROMPT)
        await pending


@on_the_background_loop
async def test_waiting_can_be_cancelled() -> None:
    with Endpoint(latency=0.2) as endpoint, token_budget(bound()) as budget:
        first = asyncio.create_task(endpoint.model().ainvoke(PROMPT))
        await arrival(endpoint)
        second = asyncio.create_task(endpoint.model().ainvoke(PROMPT))
        await asyncio.sleep(0.01)
        second.cancel()
        await first
        assert (len(endpoint.requests), budget.spent.calls, budget.held.tokens) == (1, 1, 0)


# ------------------------------------------------------------------------------------------ calls that never end


@on_the_background_loop
async def test_a_cancelled_call_is_charged_in_full_when_its_task_ends() -> None:
    with Endpoint(faults=[Fault(delay=0.5)]) as endpoint, token_budget(CheckedBudget(5000)) as budget:
        task = asyncio.create_task(endpoint.model().ainvoke(PROMPT))
        await arrival(endpoint)
        held = budget.held.tokens
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0)
        assert (budget.spent.tokens, budget.held.tokens) == (held, 0)


@on_the_background_loop
async def test_a_task_does_not_wait_for_a_call_that_it_gave_up_itself() -> None:
    room = 2 * bound()
    with Endpoint(faults=[Fault(delay=0.5)]) as endpoint, token_budget(CheckedBudget(room - 1)) as budget:
        with suppress(TimeoutError):
            async with asyncio.timeout(None) as limit, asyncio.TaskGroup() as group:
                group.create_task(_expire(limit, endpoint))
                await endpoint.model().ainvoke(PROMPT)
        with pytest.raises(BudgetExceededError):  # and not: for ever
            await endpoint.model().ainvoke(PROMPT)
        assert budget.spent.tokens == bound()


async def _expire(limit: asyncio.Timeout, endpoint: Endpoint) -> None:
    await arrival(endpoint)
    limit.reschedule(0.0)


def test_what_is_in_flight_at_the_end_is_charged_in_full() -> None:
    with Endpoint() as endpoint:
        stream = endpoint.model().stream(PROMPT)
        with token_budget(5000) as budget:
            next(stream)
            held = budget.held.tokens
        assert (budget.spent.tokens, budget.held.tokens) == (held, 0)
        list(stream)
        assert budget.spent.tokens == held


def test_a_stream_that_nobody_reads_on_does_not_block_its_own_thread() -> None:
    with Endpoint() as endpoint, token_budget(bound()):
        stream = endpoint.model().stream(PROMPT)
        next(stream)
        with pytest.raises(BudgetExceededError):
            endpoint.model().invoke(PROMPT)
        cast("Generator[object]", stream).close()


def test_a_model_around_a_model_does_not_wait_for_itself() -> None:
    inner = ScriptedModel(script=lambda _: message("42"), max_tokens=10)
    outer = WrappingModel(script=lambda _: message(), inner=inner, max_tokens=10)
    with token_budget(CheckedBudget(250)) as budget:
        assert outer.invoke(PROMPT).text == "42"
        assert 15 <= budget.spent.tokens <= 250
    with token_budget(CheckedBudget(2000)):
        assert run_sync(outer.ainvoke(PROMPT)).text == "42"


def test_a_handler_that_stops_the_call_leaves_nothing_held_behind() -> None:
    class Stop(BaseCallbackHandler):
        raise_error = True

        def on_chat_model_start(self, *_: Any, **__: Any) -> None:
            raise ValueError("no")

    with Endpoint() as endpoint, token_budget(CheckedBudget(5000)) as budget:
        with pytest.raises(ValueError, match="no"):
            endpoint.model(callbacks=[Stop()]).invoke(PROMPT)
        endpoint.model().invoke(PROMPT)
    assert budget.held.tokens == 0


# ------------------------------------------------------------------------------------------------------ nesting


def test_a_guard_inside_a_guard_makes_a_child_and_counts_once(call: Invoke) -> None:
    with Endpoint() as endpoint, token_budget(CheckedBudget(5000)) as outer:
        with token_budget(1000) as inner:
            assert inner.inside(outer)
            call(endpoint.model(stream_usage=True), PROMPT)
        assert inner.spent == outer.spent
        call(endpoint.model(stream_usage=True), PROMPT)
        assert outer.spent.tokens == endpoint.billed == 2 * inner.spent.tokens


def test_a_foreign_ledger_inside_a_guard_is_charged_beside_it(call: Invoke) -> None:
    foreign = Budget(5000)
    with Endpoint() as endpoint, token_budget(CheckedBudget(5000)) as outer:
        with token_budget(foreign):
            call(endpoint.model(stream_usage=True), PROMPT)
        assert foreign.spent.tokens == outer.spent.tokens == endpoint.billed
        with token_budget(Budget(10)) as narrow, pytest.raises(BudgetExceededError):
            call(endpoint.model(), PROMPT)
        assert narrow.held.tokens == outer.held.tokens == 0


def test_callbacks_handed_on_without_their_context_take_the_guard_along() -> None:
    """A config given to a thread of one's own, where context variables are lost."""
    from langchain_core.runnables import RunnableLambda

    def work(question: str, config: RunnableConfig) -> str:
        said: list[str] = []
        thread = threading.Thread(target=lambda: said.append(endpoint.model().invoke(question, config).text))
        thread.start()
        thread.join()
        return said[0]

    with Endpoint() as endpoint, token_budget(5000) as budget:
        RunnableLambda(work).invoke(PROMPT)
        assert budget.spent.tokens == endpoint.billed > 0


# -------------------------------------------------------------------------------------------------- the other limits


def test_money_needs_a_price_and_is_counted() -> None:
    from tts_agent.budget import Tariff

    with Endpoint() as endpoint:
        with token_budget(None, money=1.0), pytest.raises(ConfigurationError, match="no price"):
            endpoint.model().invoke(PROMPT)
        with token_budget(None, money=1.0, tariffs={"scripted": Tariff(1.0, 2.0)}) as budget:
            endpoint.model().invoke(PROMPT)
        assert budget.spent.dollars == pytest.approx((5 * 1.0 + 3 * 2.0) / 1e6)


def test_no_call_is_made_when_the_time_is_up() -> None:
    with Endpoint() as endpoint, token_budget(5000, seconds=0.001):
        threading.Event().wait(0.002)
        with pytest.raises(BudgetExceededError, match="time is up"):
            endpoint.model().invoke(PROMPT)
