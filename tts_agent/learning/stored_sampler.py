"""A model whose samples are kept in a file: each is drawn once, on the ledger, and given to everyone who asks."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import replace
from functools import reduce
from operator import add

from tts_agent.budget import Budget
from tts_agent.driver import Driver
from tts_agent.effects import generate
from tts_agent.events import Drawn
from tts_agent.exceptions import SamplerError
from tts_agent.learning.draw_store import DrawStore, key_of
from tts_agent.sampling import SampleBatch, Sampler, SampleRequest, Usage


class OutOfBudget(SamplerError):
    """The run's budget has no room for the call."""


class StoredSampler:
    """Strategies that ask the same get the same samples, now and in later runs, as with `SharedDraws`.

    The bill of a batch is what its samples cost when each is drawn by a call of its own: what the strategy would have
    paid alone. What is really drawn is charged to `budget`, once, by a driver of its own.
    """

    def __init__(self, sampler: Sampler, budget: Budget, store: DrawStore) -> None:
        self.name = sampler.name
        self._sampler = sampler
        self._budget = budget
        self._store = store
        self._alone: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    def token_bound(self, request: SampleRequest) -> int:
        """The inner sampler's bound."""
        return self._sampler.token_bound(request)

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """The samples from `request.offset` on.

        Raises:
            OutOfBudget: what was not drawn before does not fit into the budget.
            SamplerError: it could not be drawn.
        """
        wanted, key = range(request.offset, request.offset + n), key_of(request)
        async with self._alone[key]:
            found = self._store.read(key, wanted)
            for run in _gaps(wanted, set(found)):
                await self._draw(replace(request, offset=run.start), len(run), key)
            found |= self._store.read(key, wanted) if len(found) < n else {}
        samples = tuple(found[number] for number in wanted)
        return SampleBatch(
            samples, reduce(add, (sample.usage for sample in samples), Usage()), sum(not s.usage.total for s in samples)
        )

    async def _draw(self, request: SampleRequest, n: int, key: str) -> None:
        driver = Driver(self._sampler, self._budget, min_tokens=request.max_tokens)
        batch = await driver.run(generate(request, n))
        reports = [event for event in driver.events if isinstance(event, Drawn)]
        whole = bool(reports) and reports[-1].received == reports[-1].granted
        # Of a call that came back short, nobody can say which samples the survivors are.
        self._store.add(key, request.offset, batch.samples if whole else (), driver.charged)
        if batch.exhausted:
            raise OutOfBudget("the budget of the run ended", billed=False)
        if not whole:
            raise driver.last_failure or SamplerError("fewer samples came back than were asked for")


def _gaps(wanted: range, there: set[int]) -> list[range]:
    """What is missing, as ranges."""
    gaps: list[range] = []
    for number in wanted:
        if number in there:
            continue
        if gaps and gaps[-1].stop == number:
            gaps[-1] = range(gaps[-1].start, number + 1)
        else:
            gaps.append(range(number, number + 1))
    return gaps
