"""The only door to a model: a request goes in, a batch of samples and its bill come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import accumulate, pairwise
from typing import Any, Literal, Protocol, runtime_checkable

from tts_agent.exceptions import SamplerError
from tts_agent.messages import Message, ToolCall

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "unknown"]


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that were billed. Cached and reasoning tokens are parts of input and output, not extra."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total(self) -> int:
        """Input plus output tokens."""
        return self.input_tokens + self.output_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cached_input_tokens + other.cached_input_tokens,
            self.reasoning_tokens + other.reasoning_tokens,
        )


def split(bill: Usage, weights: Sequence[int]) -> list[Usage]:
    """The bill of one request for several completions as what each would have cost alone: the whole prompt, and a share
    of the output in proportion to its weight (evenly, if all are 0). The shares of the output add up to the bill's."""
    outputs = _shares(bill.output_tokens, weights)
    reasoning = _shares(bill.reasoning_tokens, outputs)
    prompt, cached = bill.input_tokens, bill.cached_input_tokens
    return [Usage(prompt, output, cached, hidden) for output, hidden in zip(outputs, reasoning, strict=True)]


def _shares(total: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers in proportion to `weights` that add up to `total`."""
    whole = sum(weights)
    if not whole:
        return _shares(total, [1] * len(weights))
    return [end - start for start, end in pairwise(total * part // whole for part in accumulate(weights, initial=0))]


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """What to ask a model. Equal requests draw from the same random stream when `seed` is set."""

    messages: tuple[Message, ...]
    """A last message of role `assistant` is a prefix to continue, where the endpoint allows it."""
    max_tokens: int
    """Upper bound on output tokens of one sample, reasoning included."""
    temperature: float | None = None
    """None leaves the endpoint's default."""
    stop: tuple[str, ...] = ()
    seed: int | None = None
    """Base of the random stream of this request; samplers that cannot seed ignore it."""
    offset: int = 0
    """Index in that stream of the first sample wanted. The driver counts it, so that a second call
    for the same request continues the stream and never repeats a vote."""
    tools: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    options: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Passed through to the endpoint unchanged (reasoning effort, response format, ...)."""
    alone: bool = field(default=False, compare=False)
    """Whether this is for the only sample of its step: what comes back is the reply, and may be streamed live."""


def sample_seed(seed: int, index: int) -> int:
    """The seed of sample `index` in the stream of `seed`, for endpoints that seed each sample by itself.

    Sample 0 has the seed itself; the others are hashed, so that streams of neighbouring seeds share nothing.
    Non-negative and below 2**31, as endpoints want it, except sample 0, which is as given.
    """
    if index == 0:
        return seed
    return int.from_bytes(blake2b(f"{seed} {index}".encode(), digest_size=4).digest(), "big") >> 1


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion."""

    text: str
    finish_reason: FinishReason = "stop"
    tool_calls: tuple[ToolCall, ...] = ()
    usage: Usage = field(default_factory=Usage)
    """This sample's own share: the prompt as if it were the only call, and its own output."""
    logprob: float | None = None
    """Mean log-probability per output token (nats), where the endpoint reports it."""
    raw: Any = field(default=None, compare=False, repr=False)

    @property
    def valid(self) -> bool:
        """Whether the sample may vote: complete, not filtered, every tool call parseable, not empty."""
        return (
            self.finish_reason in ("stop", "tool_calls", "unknown")
            and all(call.valid for call in self.tool_calls)
            and bool(self.tool_calls or self.text.strip())
        )


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """The reply to one request for n samples: 0 to n samples, and what they cost.

    A short batch is a value, not an error: some calls failed, or the budget ended.
    """

    samples: tuple[Sample, ...] = ()
    usage: Usage = field(default_factory=Usage)
    """What the provider reported for the whole batch, failed calls included."""
    unaccounted: int = 0
    """Calls whose bill is unknown (no usage, dropped connection): the ledger charges their reservation."""
    failures: tuple[SamplerError, ...] = ()
    """One error per call that failed. Never turned into text, never voted on."""
    exhausted: bool = False
    """Set by the driver when the budget granted fewer samples than asked, or none."""


@runtime_checkable
class Sampler(Protocol):
    """A model behind one method. Implementations never retry and never count budgets: the driver does."""

    name: str
    """Model identity, as the difficulty estimator knows it."""

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """Draw `n` >= 1 samples.

        Raises:
            SamplerError: when no sample came back at all.
        """
        ...

    def token_bound(self, request: SampleRequest) -> int:
        """Upper bound on the prompt tokens of one call, without I/O."""
        ...


@runtime_checkable
class Panel(Sampler, Protocol):
    """A sampler that hands each request to one of several, whose name is the one that has a price."""

    def member(self, request: SampleRequest) -> Sampler:
        """Who answers the request."""
        ...
