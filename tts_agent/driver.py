"""The driver: the only code that awaits a model and the only caller of the ledger.

It performs the effects that a flow yields. Each call is reserved at its upper bound, clipped or refused when
that does not fit, and settled with what the provider reported; released when nothing was billed, forfeited
when nobody can know. Retries happen here, each under a reservation of its own, never inside a client. Calls in flight
when the budget's time is up are cancelled, and the flow goes on with what it has.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeVar

from tts_agent.budget import Amount, Ask, AsyncBudget, Budget, Busy, Reservation
from tts_agent.effects import Balance, Call, Effect, FirstOf, Flow, Generate, Record, Together
from tts_agent.events import Drawn, Event, Refused, Retried
from tts_agent.exceptions import BudgetExhausted, ConfigurationError, SamplerError
from tts_agent.retry_after import LONGEST_WAIT
from tts_agent.sampling import Panel, SampleBatch, Sampler, SampleRequest

T = TypeVar("T")


class Driver:
    """Runs the flows of one step; `events` and `charged` tell what happened.

    Args:
        sampler: the door to the model.
        budget: the ledger every call is on.
        max_retries: further tries of a call that failed but may succeed later.
        min_tokens: the shortest completion worth having; a call the budget cannot give that is refused.
        may_wait: whether a call may wait for reservations that others hold. Where it may not, and they are in
            the way, the run raises ConfigurationError.
    """

    def __init__(
        self, sampler: Sampler, budget: Budget, *, max_retries: int = 2, min_tokens: int = 16, may_wait: bool = True
    ) -> None:
        self.sampler = sampler
        self.budget = budget
        self.events: list[Event] = []
        self.charged = Amount()
        self.last_failure: SamplerError | None = None
        self._max_retries = max_retries
        self._min_tokens = min_tokens
        self._may_wait = may_wait
        self._in_flight = 0
        self._drawn: Counter[SampleRequest] = Counter()

    @property
    def _ledger(self) -> AsyncBudget:
        return AsyncBudget(self.budget)

    async def run(self, flow: Flow[T]) -> T:
        """Perform the flow's effects until it returns. Exceptions of effects are thrown into the flow."""
        try:
            effect = next(flow)
            while True:
                try:
                    reply = await self._perform(effect)
                except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                    effect = flow.throw(error)
                else:
                    effect = flow.send(reply)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            flow.close()

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Generate(request, n, final):
                return await self._generate(request, n, final=final)
            case Call(function):
                return await asyncio.to_thread(_contained, function)
            case Together(flows):
                return await self._together(flows)
            case FirstOf(flows, enough):
                return await self._first_of(flows, enough)
            case Balance(kind, call_tokens):
                return await self._ledger.view(kind, call_tokens)
            case Record(event):
                self.events.append(event)
                return None
            case _:
                raise TypeError(f"a flow yielded {effect!r}, which is no effect; was `yield from` meant?")

    async def _together(self, flows: tuple[Flow[Any], ...]) -> tuple[Any, ...]:
        tasks = [asyncio.ensure_future(self.run(flow)) for flow in flows]
        try:
            return tuple(await asyncio.gather(*tasks))
        except BaseException:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            raise

    async def _first_of(self, flows: tuple[Flow[Any], ...], enough: Callable[[Sequence[Any]], bool]) -> tuple[Any, ...]:
        tasks = [asyncio.ensure_future(self.run(flow)) for flow in flows]
        results: list[Any] = []
        try:
            for finished in asyncio.as_completed(tasks):
                results.append(await finished)
                if enough(results):
                    break
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return tuple(results)

    async def _generate(self, request: SampleRequest, n: int, *, final: bool) -> SampleBatch:
        for attempt in range(self._max_retries + 1):
            batch, error = await self._try(request, n, final=final)
            if error is None:
                return batch
            self.last_failure = error
            wait = error.retry_after if error.retry_after is not None else _backoff(attempt)
            if not error.retryable or attempt == self._max_retries or wait > self._longest_wait():
                break
            self.events.append(Retried(str(error), wait))
            await asyncio.sleep(wait)
        return batch

    def _longest_wait(self) -> float:
        left = self.budget.seconds_left
        return LONGEST_WAIT if left is None else min(LONGEST_WAIT, left)

    async def _try(self, request: SampleRequest, n: int, *, final: bool) -> tuple[SampleBatch, SamplerError | None]:
        """One call under one reservation. An error is returned beside the (empty) batch that it left."""
        bound, key = self.sampler.token_bound(request), replace(request, offset=0)
        least = min(self._min_tokens, request.max_tokens)
        model = self.sampler.member(request).name if isinstance(self.sampler, Panel) else self.sampler.name
        try:
            grant = await self._reserve(Ask(bound, n, request.max_tokens, least, final, model))
        except BudgetExhausted as error:
            return self._refused(str(error), error.least), None
        deadline = asyncio.timeout(self.budget.seconds_left)
        self._in_flight += 1
        try:
            granted = replace(request, max_tokens=grant.max_tokens, offset=request.offset + self._drawn[key])
            self._drawn[key] += grant.n
            async with deadline:
                batch = await self.sampler.sample(granted, grant.n)
            unbilled = sum(not failure.billed for failure in batch.failures)
            bill = grant.bill(batch.usage, calls=max(0, grant.n - unbilled), unknown=batch.unaccounted)
        except SamplerError as error:
            charged = await self._ledger.end(grant.forfeit if error.billed else grant.release)
            self._report(n, grant, SampleBatch(failures=(error,)), charged)
            return SampleBatch(failures=(error,)), error
        except ConfigurationError:
            await self._ledger.end(grant.release)  # the request was wrong before anything was sent
            raise
        except BaseException as error:
            charged = self._ledger.forfeit(grant)
            if deadline.expired() and isinstance(error, TimeoutError):
                self._report(n, grant, SampleBatch(), charged)
                return self._refused("the budget's time was up before the call came back"), None
            self._report(n, grant, SampleBatch(), charged)
            raise
        finally:
            self._in_flight -= 1
        self._report(n, grant, batch, await self._ledger.end(partial(grant.charge, bill)))
        self.last_failure = next(iter(batch.failures), self.last_failure)
        return replace(batch, samples=batch.samples[: grant.n], exhausted=grant.n < n), None

    async def _reserve(self, ask: Ask) -> Reservation:
        while isinstance(grant := await self._ledger.reserve(ask), Busy):
            if not (self._may_wait or self._in_flight):
                raise ConfigurationError(
                    "a synchronous run() inside an event loop cannot wait for calls in flight on the same budget, "
                    "which that loop may have to finish: await arun() there"
                )
            await asyncio.wrap_future(grant.changed)
        return grant

    def _refused(self, reason: str, least: int | None = None) -> SampleBatch:
        self.events.append(Refused(reason, least))
        return SampleBatch(exhausted=True)

    def _report(self, asked: int, grant: Reservation, batch: SampleBatch, charged: Amount) -> None:
        self.charged += charged
        self.events.append(
            Drawn(
                asked=asked,
                granted=grant.n,
                received=len(batch.samples),
                max_tokens=grant.max_tokens,
                usage=batch.usage,
                charged=charged.tokens,
                longest=max((sample.usage.output_tokens for sample in batch.samples), default=0),
                failures=tuple(str(error) for error in batch.failures),
            )
        )


def _contained(function: Callable[[], T]) -> T:
    """Call it. StopIteration, which a future cannot carry and would wait for ever over, becomes a RuntimeError."""
    try:
        return function()
    except StopIteration as error:
        raise RuntimeError("a function that was run off the event loop raised StopIteration") from error


def _backoff(attempt: int) -> float:
    """Seconds before the next try: exponential with full jitter, at least a tenth of a second."""
    return 0.1 + random.uniform(0.0, 0.5 * 2.0**attempt)
