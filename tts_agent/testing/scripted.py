"""A model that says what it is told, and fails as it is told: for tests of whatever asks a model.

    sampler = ScriptedSampler(["The answer is 4.", "The answer is 5."])
    sampler = ScriptedSampler(lambda request, index: f"The answer is {index % 3}.")
    sampler = ScriptedSampler(["4"] * 9, faults={1: Fault(error=RateLimited("slow down", retry_after=0.0))})

A token is a word, so that limits in tests can be counted by hand. The bill is honest unless a fault says otherwise.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from tts_agent.exceptions import SamplerError
from tts_agent.messages import Message
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage

Reply = str | Sample | Exception
"""One completion: its text, the whole sample, or why there is none. A SamplerError fails that completion alone;
any other exception fails the whole call, as a bug in a sampler would."""

Script = Sequence[Reply] | Callable[[SampleRequest, int], Reply]
"""Replies in the order they are given out, whatever is asked (asking for more is an IndexError); or a function of
the request and of the index in the request's random stream, which may be called from several threads."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one call; several things may."""

    error: BaseException | None = None
    """Raised instead of a reply."""
    missing: int = 0
    """Samples, the last of the batch, that never come back. Nothing is billed for them."""
    unaccounted: int = 0
    """Samples, the last of those that come back, that the bill leaves out: nobody knows what they cost."""
    overreport: int = 0
    """Tokens that are reported on top of everything the call was allowed: the provider lies, or the bound did."""
    latency: float = 0.0
    """Seconds before the reply or the error, on top of the sampler's own."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as it arrived: with the `max_tokens` and `offset` that the driver granted."""

    request: SampleRequest
    n: int


class ScriptedSampler:
    """A `Sampler` without a model. It may be asked from several event loops and threads.

    Args:
        replies: see `Script`. Longer ones are cut at `max_tokens` words and finish with "length". The usage of a
            `Sample` that brings its own is kept, but for the cut.
        faults: what goes wrong, by the number of the call (from 0); or a function of that number.
        latency: seconds that each call takes.
        name: the model's identity.
    """

    def __init__(
        self,
        replies: Script,
        *,
        faults: Mapping[int, Fault] | Callable[[int], Fault | None] | None = None,
        latency: float = 0.0,
        name: str = "scripted",
    ) -> None:
        self.name = name
        self.calls: list[Asked] = []
        """Everything that was asked, failures included, in order of arrival."""
        self.samples: list[Sample] = []
        """Everything that was given out, in order."""
        self._replies = replies
        self._faults = faults or {}
        self._latency = latency
        self._used = 0
        self._lock = threading.Lock()

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """The next `n` >= 1 replies.

        Raises:
            SamplerError: every completion failed, or a fault says so.
            IndexError: the script is over.
        """
        with self._lock:
            fault = self._fault(len(self.calls))
            self.calls.append(Asked(request, n))
        await asyncio.sleep(self._latency + fault.latency)  # also without latency: a call never ends at once
        if fault.error is not None:
            raise fault.error
        batch = self._batch(request, self._next(request, n)[: max(0, n - fault.missing)], fault)
        if fault.overreport:
            allowed = n * (self.token_bound(request) + request.max_tokens)
            batch = replace(batch, usage=Usage(output_tokens=allowed + fault.overreport))
        with self._lock:
            self.samples += batch.samples
        return batch

    def token_bound(self, request: SampleRequest) -> int:
        """The words of the prompt, exactly."""
        return sum(_words(message.content) + _called(message) for message in request.messages)

    def _fault(self, call: int) -> Fault:
        found = self._faults(call) if callable(self._faults) else self._faults.get(call)
        return found or Fault()

    def _next(self, request: SampleRequest, n: int) -> list[Reply]:
        if callable(self._replies):
            return [self._replies(request, request.offset + i) for i in range(n)]
        with self._lock:
            start, self._used = self._used, self._used + n
        if start + n > len(self._replies):
            raise IndexError(f"the script has {len(self._replies)} replies, and number {start + n} was asked for")
        return list(self._replies[start : start + n])

    def _batch(self, request: SampleRequest, replies: Sequence[Reply], fault: Fault) -> SampleBatch:
        for reply in replies:
            if isinstance(reply, Exception) and not isinstance(reply, SamplerError):
                raise reply
        failures = tuple(reply for reply in replies if isinstance(reply, SamplerError))
        samples = tuple(self._sample(request, reply) for reply in replies if not isinstance(reply, Exception))
        if failures and not samples:
            raise max(failures, key=lambda failure: failure.billed)
        known = samples[: max(0, len(samples) - fault.unaccounted)]
        return SampleBatch(
            samples,
            sum((sample.usage for sample in known), Usage()),
            len(samples) - len(known) + sum(failure.billed for failure in failures),
            failures,
        )

    def _sample(self, request: SampleRequest, reply: str | Sample) -> Sample:
        sample = Sample(reply) if isinstance(reply, str) else reply
        usage = sample.usage
        if not usage.total:
            usage = Usage(self.token_bound(request), _words(sample.text) + _called(sample))
        if usage.output_tokens > request.max_tokens:
            usage = replace(usage, output_tokens=request.max_tokens)
            cut = " ".join(sample.text.split()[: request.max_tokens])
            sample = replace(sample, text=cut, finish_reason="length")
        return replace(sample, usage=usage)


def _words(text: str) -> int:
    return len(text.split())


def _called(turn: Message | Sample) -> int:
    """Words of the tool calls."""
    return sum(1 + _words(call.arguments) for call in turn.tool_calls)
