"""Labelling: how often a model is right about each question, measured under a hard cap."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Literal

from tts_agent.budget import Amount, Ask, Tariff
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.draws import Drawer, Drawing
from tts_agent.learning.enough import Enough
from tts_agent.learning.item import Item
from tts_agent.learning.progress import Progress
from tts_agent.learning.schedule import Schedule
from tts_agent.learning.store import LabelStore
from tts_agent.learning.store_file import StoreError
from tts_agent.retry_after import LONGEST_WAIT

TRIES = 5
"""Of a call that fails but may succeed later."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """How a run of labelling ended."""

    stop: Literal["done", "budget", "failed"]
    """done: nothing is left to draw, but for questions that were given up. budget: the budget ended. failed: so many
    calls failed in a row that the model counts as out of reach."""
    progress: Progress
    given_up: int
    """Questions whose calls failed for good. They are tried again by the next run."""
    last_error: str | None


class Labelling:
    """Draws and grades until every question has enough samples, or the budget ends.

    Every finished call is committed to the store at once, so a run that is interrupted or killed loses at most the
    calls in flight; a new one goes on where it ended. What the killed run may have had in flight counts as spent (but
    for calls of a judge).

    A failed call that may succeed later is repeated, up to `TRIES` times; while an endpoint asks to wait (Retry-After)
    no call is begun at all.

    Args:
        batch: most samples of one call; more than one pay the prompt once where the endpoint counts so.
        concurrency: most calls in flight.
        tariff: the model's prices, where the budget counts money.
        on_progress: called after each commit.
    """

    def __init__(
        self,
        items: Sequence[Item],
        drawer: Drawer,
        store: LabelStore,
        enough: Enough,
        *,
        batch: int = 1,
        concurrency: int = 8,
        tariff: Tariff | None = None,
        on_progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        if batch < 1 or concurrency < 1:
            raise ConfigurationError(f"batch and concurrency must be at least 1: {batch} and {concurrency}")
        self._items = items
        self._draw = drawer
        self._store = store
        self._schedule = Schedule(items, store.outcomes(), enough, batch)
        self._batch = batch
        self._concurrency = concurrency
        self._tariff = tariff
        self._on_progress = on_progress
        self._in_flight: set[asyncio.Task[Drawing]] = set()
        self._later: list[tuple[float, int]] = []
        self._tries: Counter[int] = Counter()
        self._paused_until = 0.0
        self._stop: Literal["budget", "failed"] | None = None
        self._failures = self._failures_in_a_row = self._given_up = self._drawn = 0
        self._last_error: str | None = None

    async def run(self) -> Labelled:
        """Label, once.

        Raises:
            StoreError: the store cannot be written; what was committed stays.
            ConfigurationError: no call can be made at all.
        """
        before = self._store.spent()
        self._draw.budget.at_least(before)
        self._store.begin_run(self._most_in_flight())
        self._began = time.monotonic()
        try:
            await self._run()
        except BaseException:
            with suppress(StoreError):  # the first error says more
                await self._end(before)
            raise
        await self._end(before)
        return Labelled(self._stop or "done", self.progress(), self._given_up, self._last_error)

    def progress(self) -> Progress:
        """How far it has come."""
        return Progress(
            questions=len(self._items),
            finished=self._schedule.finished,
            samples=self._schedule.samples,
            failures=self._failures,
            drawn=self._drawn,
            samples_left=self._schedule.samples_left,
            spent=self._draw.budget.spent,
            seconds=time.monotonic() - self._began,
        )

    async def _run(self) -> None:
        while True:
            wait = self._begin_calls()
            if self._in_flight:
                await asyncio.wait(self._in_flight, timeout=wait, return_when=asyncio.FIRST_COMPLETED)
                self._commit()
                self._on_progress(self.progress())
            elif wait is not None:
                await asyncio.sleep(wait)
            else:
                return

    def _begin_calls(self) -> float | None:
        """Begin what may begin now; returns the seconds after which more may, or None if that only calls can tell."""
        if self._stop:
            return None
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            self._schedule.put_back(heappop(self._later)[1])
        while now >= self._paused_until and self._schedule and len(self._in_flight) < self._concurrency:
            self._in_flight.add(asyncio.create_task(self._draw(self._schedule.next())))
        waits = [self._later[0][0]] if self._later else []
        waits += [self._paused_until] if self._schedule and self._paused_until > now else []
        return min(waits) - now if waits else None

    def _commit(self) -> None:
        """Commit what is finished. The loop stands still meanwhile, so that nothing can be cancelled in its middle."""
        finished = [task for task in self._in_flight if task.done() and not task.cancelled() and not task.exception()]
        broken = [task for task in self._in_flight if task.done() and task not in finished]
        drawings = [task.result() for task in finished]
        self._store.add(drawing.finished for drawing in drawings)
        self._in_flight -= {*finished, *broken}
        for drawing in drawings:
            self._note(drawing)
        for task in broken:
            task.result()  # raises

    def _note(self, drawing: Drawing) -> None:
        question, call = drawing.draw.question, drawing.finished
        self._last_error = call.error or self._last_error
        self._failures += call.error is not None
        if drawing.refused:
            self._stop = "budget"
        if call.samples:
            self._failures_in_a_row = self._tries[question] = 0
            self._drawn += sum(sample.passed is not None for sample in call.samples)
            self._schedule.note(question, {sample.number: sample.passed for sample in call.samples})
            self._schedule.put_back(question)
        elif not drawing.refused:
            self._fail(drawing)

    def _fail(self, drawing: Drawing) -> None:
        question, failure = drawing.draw.question, drawing.failure
        self._tries[question] += 1
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= TRIES * max(4, self._concurrency):
            self._stop = "failed"
        asked = failure.retry_after if failure else None
        if not (failure and failure.retryable) or self._tries[question] >= TRIES or (asked or 0.0) > LONGEST_WAIT:
            self._given_up += 1
            return
        ready = time.monotonic() + (_backoff(self._tries[question]) if asked is None else asked)
        if asked is not None:
            self._paused_until = max(self._paused_until, ready)
        heappush(self._later, (ready, question))

    async def _end(self, before: Amount) -> None:
        """Cancel what is in flight, and commit what came back in the meantime."""
        for task in self._in_flight:
            task.cancel()
        results = await asyncio.gather(*self._in_flight, return_exceptions=True)
        self._store.add(result.finished for result in results if isinstance(result, Drawing))
        self._store.end_run(self._draw.budget.spent - before)

    def _most_in_flight(self) -> Amount:
        """What the calls in flight can cost at any moment, at their upper bound."""
        sampler = self._draw.sampler
        requests = [self._draw.step(item).request() for item in self._items]
        prompt = max((sampler.token_bound(request) for request in requests), default=0)
        n = self._concurrency * self._batch
        most = max((request.max_tokens for request in requests), default=1)
        return Ask(prompt, n, most, tariff=self._tariff).cost(n, most)


def _backoff(tries: int) -> float:
    """Seconds before the next try: exponential with full jitter."""
    return 0.1 + random.uniform(0.0, 0.5 * 2.0**tries)
