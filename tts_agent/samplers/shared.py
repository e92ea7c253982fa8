"""Samples shared between policies, so that experiments compare decisions and not luck."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Iterable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from threading import Lock

from tts_agent.exceptions import SamplerError
from tts_agent.sampling import Sample, SampleBatch, Sampler, SampleRequest, Usage


@dataclass(slots=True)
class _Stream:
    """The samples of one request, by index."""

    samples: dict[int, Sample] = field(default_factory=dict)
    drawing: Future[None] | None = None
    """Completes when the draw in progress ends."""


class SharedDraws:
    """Gives everyone who asks the same request the same samples; each is drawn from `sampler` only once.

    A request has one stream of samples, and a call for n gets those from `offset` to `offset + n - 1`: two
    policies that both look at three samples see the same three, and one that goes on to eight sees five more.
    Requests are the same when all but the offset is equal, tools, options and `max_tokens` included (a call
    that a short budget clipped is another request).

    Everyone pays: a batch's usage is what its samples cost had each been drawn now by a call of its own, prompt
    included. A sample whose usage the endpoint did not report is unaccounted each time it is given.

    Failures are passed on and not remembered. Nor is what survives of a call that came back short: nobody can
    say which indices those samples had. The rest is kept for as long as this object lives, which may be used
    from several event loops and threads.

    Args:
        sampler: draws what nobody asked for before. It is called for one request at a time when requests are
            the same, and concurrently when they differ.
    """

    def __init__(self, sampler: Sampler) -> None:
        self.name = sampler.name
        self.drawn = 0
        """Samples that `sampler` drew."""
        self.given = 0
        """Samples that callers got."""
        self._sampler = sampler
        self._streams: dict[tuple[SampleRequest, str], _Stream] = {}
        self._lock = Lock()

    def token_bound(self, request: SampleRequest) -> int:
        """The inner sampler's bound."""
        return self._sampler.token_bound(request)

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """The `n` >= 1 samples of the request's stream that begin at `request.offset`.

        Raises:
            SamplerError: none was remembered and none could be drawn.
        """
        wanted = range(request.offset, request.offset + n)
        async with self._alone(request) as stream:
            missing = [index for index in wanted if index not in stream.samples]
            drawn = [await self._draw(request, run, stream) for run in _runs(missing)]
            indexed = [stream.samples[index] for index in wanted if index in stream.samples]
        survivors = [sample for batch in drawn for sample in batch.samples]
        failures = [failure for batch in drawn for failure in batch.failures]
        samples = (*indexed, *survivors)
        if failures and not samples:
            raise max(failures, key=lambda failure: failure.billed)
        with self._lock:
            self.given += len(samples)
        return SampleBatch(
            samples,
            sum((sample.usage for sample in samples), Usage()),
            sum(not sample.usage.total for sample in indexed) + sum(batch.unaccounted for batch in drawn),
            tuple(failures),
        )

    async def _draw(self, request: SampleRequest, run: range, stream: _Stream) -> SampleBatch:
        """Draw the samples at `run`. They go into the stream; returned is what could not go there."""
        try:
            batch = await self._sampler.sample(replace(request, offset=run.start), len(run))
        except SamplerError as error:
            return SampleBatch(unaccounted=len(run) if error.billed else 0, failures=(error,))
        with self._lock:
            self.drawn += len(batch.samples)
        if len(batch.samples) < len(run):
            return batch
        stream.samples.update(zip(run, batch.samples, strict=False))
        return SampleBatch()

    @asynccontextmanager
    async def _alone(self, request: SampleRequest) -> AsyncGenerator[_Stream]:
        """The request's stream, to one caller at a time. A lock of asyncio's would serve a single loop only."""
        mine: Future[None] = Future()
        mine.set_running_or_notify_cancel()  # from here on, no waiter that is cancelled can cancel it
        while True:
            with self._lock:
                stream = self._streams.setdefault(_identity(request), _Stream())
                if stream.drawing is None:
                    stream.drawing = mine
                    break
                other = stream.drawing
            await asyncio.wrap_future(other)
        try:
            yield stream
        finally:
            stream.drawing = None
            mine.set_result(None)


def _identity(request: SampleRequest) -> tuple[SampleRequest, str]:
    """What makes two requests the same, with the parts that equality of requests leaves out."""
    further = [request.tools, request.options, [message.raw for message in request.messages]]
    return replace(request, offset=0), json.dumps(further, sort_keys=True, default=repr)


def _runs(indices: Iterable[int]) -> Iterator[range]:
    """Ascending indices as ranges without gaps."""
    run = range(0)
    for index in indices:
        if run and index == run.stop:
            run = range(run.start, index + 1)
            continue
        if run:
            yield run
        run = range(index, index + 1)
    if run:
        yield run
