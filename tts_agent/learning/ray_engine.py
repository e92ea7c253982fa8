"""Labelling on Ray: model calls and graders run in worker processes, and everything is counted here.

The workers hold no state and see neither budget nor store. The process that labels reserves, settles and commits as it
does without them, so a worker that dies in the middle of a call is a call that failed: its reservation is charged in
full, because nobody knows what was billed, and the same samples are asked for again. Nothing is lost, nothing can be
counted twice, and with the same seed the counts are those of the local engine.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from tts_agent.effects import Call, FirstOf, Flow, Together
from tts_agent.exceptions import MissingExtraError, SamplerError, TTSAgentError
from tts_agent.learning.grading import Grading
from tts_agent.learning.item import Item
from tts_agent.sampling import Sample, SampleBatch, Sampler, SampleRequest
from tts_agent.step import Step
from tts_agent.verifiers import Verdict, Verifier

T = TypeVar("T")

TRIES = 5
"""Workers that a grader is tried on. It calls no model, so trying again costs nothing."""


class _Worker:
    """What runs in a process of its own."""

    def __init__(self, make: Callable[[], Sampler]) -> None:
        self._sampler = make()

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch | TTSAgentError:
        try:
            batch = await self._sampler.sample(request, n)
        except TTSAgentError as error:
            return error  # as a value, because Ray wraps what is raised
        return replace(batch, samples=tuple(replace(sample, raw=None) for sample in batch.samples))

    async def call(self, function: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(function)


class RayWorkers:
    """Worker processes on a Ray cluster, each with a sampler of its own.

    Args:
        make: makes a worker's sampler there. What it needs must be installed on the cluster, as this package must.
        workers: how many.
    """

    def __init__(self, ray: Any, make: Callable[[], Sampler], workers: int) -> None:
        self._ray = ray
        # Ray's own retries are off: a call that is repeated without a reservation is an overspend.
        worker = ray.remote(num_cpus=0, max_restarts=-1, max_task_retries=0, max_concurrency=1000)(_Worker)
        self._workers = [worker.remote(make) for _ in range(workers)]
        self._busy: Counter[int] = Counter()

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """`Sampler.sample`, on the worker that has least to do."""
        with self._one() as worker:
            try:
                answer = await worker.sample.remote(request, n)
            except self._ray.exceptions.RayActorError as error:
                raise SamplerError("a worker process was lost in the middle of a call", retryable=True) from error
        if isinstance(answer, TTSAgentError):
            raise answer
        batch: SampleBatch = answer
        return batch

    def call(self, function: Callable[[], T]) -> T:
        """Run a blocking function on a worker; on another one where that is lost."""
        for attempt in range(TRIES):
            with self._one() as worker:
                try:
                    result: T = self._ray.get(worker.call.remote(function))
                    return result
                except self._ray.exceptions.RayActorError:
                    if attempt == TRIES - 1:
                        raise
        raise AssertionError("unreachable")

    @contextmanager
    def _one(self) -> Generator[Any]:
        index = min(range(len(self._workers)), key=lambda index: self._busy[index])
        self._busy[index] += 1
        try:
            yield self._workers[index]
        finally:
            self._busy[index] -= 1


class RemoteSampler:
    """A model whose calls are made by workers.

    Args:
        local: the same model here. It knows the name and the bounds, and is never asked for a sample.
    """

    def __init__(self, local: Sampler, workers: RayWorkers) -> None:
        self.name = local.name
        self.token_bound = local.token_bound
        self.sample = workers.sample


@dataclass(frozen=True, slots=True)
class _RemoteVerifier:
    """A verifier whose blocking functions run on workers."""

    inner: Verifier
    workers: RayWorkers

    @property
    def name(self) -> str:
        return self.inner.name

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return _elsewhere(self.inner.verify(step, samples), self.workers.call)


def remote_grading(grading: Grading, workers: RayWorkers) -> Grading:
    """The same grading, done by workers."""

    def verifier(item: Item) -> Verifier:
        return _RemoteVerifier(grading.verifier(item), workers)

    return replace(grading, verifier=verifier)


def _elsewhere(flow: Flow[T], run: Callable[[Callable[[], Any]], Any]) -> Flow[T]:
    """The flow, with its blocking functions handed to `run`."""
    try:
        effect = next(flow)
        while True:
            match effect:
                case Call(function):
                    effect = Call(partial(run, function))
                case Together(flows):
                    effect = Together(tuple(_elsewhere(each, run) for each in flows))
                case FirstOf(flows, enough):
                    effect = FirstOf(tuple(_elsewhere(each, run) for each in flows), enough)
            try:
                reply = yield effect
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                effect = flow.throw(error)
            else:
                effect = flow.send(reply)
    except StopIteration as stop:
        result: T = stop.value
        return result
    finally:
        flow.close()


@contextmanager
def ray_workers(make: Callable[[], Sampler], workers: int) -> Generator[RayWorkers]:
    """Workers on the cluster that RAY_ADDRESS names, else on a new one on this machine.

    Raises:
        MissingExtraError: without the extra `ray`.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nobody is told that it was used
    try:
        import ray
    except ImportError:
        raise MissingExtraError("labelling on Ray", "ray") from None
    with redirect_stdout(sys.stderr):  # Ray prints its news where the caller prints results
        ray.init(log_to_driver=False, configure_logging=False)
        try:
            yield RayWorkers(ray, make, workers)
        finally:
            ray.shutdown()
