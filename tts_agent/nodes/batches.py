"""What a wave of model calls came to, as a batch of samples and its bill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from langchain_core.messages import AIMessage
from langgraph.errors import GraphBubbleUp

from tts_agent.exceptions import BudgetExhausted
from tts_agent.nodes.errors import as_failure
from tts_agent.nodes.replies import usage
from tts_agent.sampling import Sample, SampleBatch, Usage

T = TypeVar("T")


def gathered(
    replies: Sequence[T | BaseException], read: Callable[[T], tuple[Sample, Usage | None]], secrets: Iterable[str]
) -> SampleBatch:
    """The samples and the failures, each billed with what the provider reported of it, where it did.

    Args:
        replies: a reply or an exception a call, in order.
        read: a reply's sample and its bill; None where nobody knows it.
        secrets: must not appear in the messages of failures.

    Raises:
        SamplerError: every call failed and no bill is known; the failure that says most about the bill.
        GraphBubbleUp, BudgetExhausted, KeyboardInterrupt, ...: what concerns all calls, as it is.
    """
    errors = [reply for reply in replies if isinstance(reply, BaseException)]
    for error in errors:
        if _concerns_all(error):
            raise error
    read_replies = [read(reply) for reply in replies if not isinstance(reply, BaseException)]
    failures = tuple(as_failure(error, secrets) for error in errors)
    unread = [_bill_of_an_unusable_reply(error) for error in errors]
    bills = [bill for _, bill in read_replies] + unread
    known = [bill for bill in bills if bill is not None]
    if failures and not read_replies and not known:
        raise max(failures, key=lambda failure: (failure.billed, not failure.retryable))
    free = sum(bill is None and not failure.billed for bill, failure in zip(unread, failures, strict=True))
    return SampleBatch(
        samples=tuple(sample for sample, _ in read_replies),
        usage=sum(known, Usage()),
        unaccounted=len(bills) - len(known) - free,
        failures=failures,
    )


def _concerns_all(error: BaseException) -> bool:
    """Whether this ends more than one call: an interrupt, an outer budget, the end of the program."""
    return isinstance(error, GraphBubbleUp | BudgetExhausted) or not isinstance(error, Exception)


def _bill_of_an_unusable_reply(error: BaseException) -> Usage | None:
    """LangChain's errors about structured output carry the reply, which was billed."""
    reply = getattr(error, "ai_message", None)
    return usage(reply) if isinstance(reply, AIMessage) else None
