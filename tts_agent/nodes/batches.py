"""Waves of model calls, as batches of samples and their bills."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from langchain_core.messages import AIMessage
from langgraph.errors import GraphBubbleUp

from tts_agent.exceptions import BudgetExhausted, RequestRejected
from tts_agent.nodes.choices import Several
from tts_agent.nodes.errors import as_failure
from tts_agent.nodes.metered_model import MeteredModel
from tts_agent.nodes.replies import usage
from tts_agent.nodes.wave import Call, draw
from tts_agent.sampling import Sample, SampleBatch, Usage

T = TypeVar("T")


Read = Callable[[T], tuple[Sample, Usage | None]]
"""A reply's sample and its bill; None where nobody knows it."""


async def drawn(
    call: Callable[[int, int], Call[T | Several[T]]],
    samples: range,
    read: Read[T],
    model: MeteredModel,
    *,
    together: bool,
    blocking: bool,
) -> SampleBatch:
    """These samples of a request's stream, at once. A failed call leaves the others alone.

    Args:
        call: for so many samples from an index on.
        samples: their indices.
        read: how to read a reply.
        model: which is called.
        together: ask for all in one request. Single ones bring what it does not, and if they can, the model is not
            asked like this again; why a provider rejects a request is told in too many words to go by.
        blocking: call in threads.

    Raises:
        SamplerError, GraphBubbleUp, ...: as `gathered`.
    """
    replies: list[T | Several[T] | BaseException] = []
    if together:
        replies = await draw([call(samples.start, len(samples))], blocking=blocking)
        if _refuses_n(replies[0]):
            replies = []
        elif isinstance(replies[0], Several):
            samples = samples[len(replies[0].replies) :]
        else:
            samples = samples[:0]
    if samples:
        singles = await draw([call(index, 1) for index in samples], blocking=blocking)
        if together and not all(isinstance(single, BaseException) for single in singles):
            model.takes_n = False
        replies += singles
    return gathered(replies, read, model.secrets)


def gathered(replies: Sequence[T | Several[T] | BaseException], read: Read[T], secrets: Iterable[str]) -> SampleBatch:
    """The samples and the failures, each billed with what the provider reported of it, where it did.

    Args:
        replies: what each call came to, in order.
        read: how to read a reply.
        secrets: must not appear in the messages of failures.

    Raises:
        SamplerError: every call failed and no bill is known; the failure that says most about the bill.
        GraphBubbleUp, BudgetExhausted, KeyboardInterrupt, ...: what concerns all calls, as it is.
    """
    errors = [reply for reply in replies if isinstance(reply, BaseException)]
    for error in errors:
        if _concerns_all(error):
            raise error
    opened = [_opened(reply, read) for reply in replies if not isinstance(reply, BaseException)]
    failures = tuple(as_failure(error, secrets) for error in errors)
    unread = [_bill_of_an_unusable_reply(error) for error in errors]
    bills = [bill for _, bill in opened] + unread
    known = [bill for bill in bills if bill is not None]
    if failures and not opened and not known:
        raise max(failures, key=lambda failure: (failure.billed, not failure.retryable))
    untold = sum(bill is None and failure.billed for bill, failure in zip(unread, failures, strict=True))
    return SampleBatch(
        samples=tuple(sample for samples, _ in opened for sample in samples),
        usage=sum(known, Usage()),
        unaccounted=untold + sum(len(samples) for samples, bill in opened if bill is None),
        failures=failures,
    )


def _opened(reply: T | Several[T], read: Read[T]) -> tuple[Sequence[Sample], Usage | None]:
    """The samples of one call, and its bill."""
    if isinstance(reply, Several):
        return [read(each)[0] for each in reply.replies], reply.bill
    sample, bill = read(reply)
    return [sample], bill


def _refuses_n(reply: object) -> bool:
    """Whether a request for several came to nothing, at no cost, maybe because it was one for several."""
    if isinstance(reply, TypeError):  # OpenAI's Responses API has no such parameter: the SDK sends nothing
        return "unexpected keyword argument 'n'" in str(reply)
    return isinstance(reply, Exception) and isinstance(as_failure(reply), RequestRejected)


def _concerns_all(error: BaseException) -> bool:
    """Whether this ends more than one call: an interrupt, an outer budget, the end of the program."""
    return isinstance(error, GraphBubbleUp | BudgetExhausted) or not isinstance(error, Exception)


def _bill_of_an_unusable_reply(error: BaseException) -> Usage | None:
    """LangChain's errors about structured output carry the reply, which was billed."""
    reply = getattr(error, "ai_message", None)
    return usage(reply) if isinstance(reply, AIMessage) else None
