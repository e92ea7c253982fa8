"""Errors on their way between LangChain and this package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from langchain_core import exceptions as langchain

from tts_agent.exceptions import (
    BudgetExhausted,
    EndpointUnreachable,
    RateLimited,
    RequestRejected,
    SamplerError,
)


class BudgetExceededError(langchain.ModelError, BudgetExhausted):
    """`BudgetExhausted`, as everything under `nodes/` raises it.

    LangGraph's `RetryPolicy` and LangChain's retry middleware repeat neither this nor the steps around it:
    to the one it is a RuntimeError, to the others a ModelError that is not retryable.
    """


@contextmanager
def budget_errors() -> Iterator[None]:
    """Raises `BudgetExhausted` as `BudgetExceededError`."""
    try:
        yield
    except BudgetExhausted as error:
        raise BudgetExceededError(str(error), least=error.least) from error


def as_failure(error: BaseException, secrets: Iterable[str] = ()) -> SamplerError:
    """What the failed call of a LangChain model means for the ledger and for a retry.

    By HTTP status where the error tells one, by LangChain's class of error elsewhere. In doubt the call counts
    as billed and as not worth a retry. The original is the `__cause__`; the message has no `secrets` in it.
    """
    if isinstance(error, SamplerError):
        return error
    failure = _classified(error, _sentence(error, secrets))
    failure.__cause__ = error
    return failure


def _classified(error: BaseException, said: str) -> SamplerError:
    status, wait = _status(error), _retry_after(error)
    if any(_never_connected(link) for link in _chain(error)):
        return EndpointUnreachable(said)
    if status == 429 and getattr(error, "code", None) != "insufficient_quota":
        return RateLimited(said, retry_after=wait)
    if status is None:  # a timeout is not repeated: it would take as long again, and cost as much
        slow = isinstance(error, TimeoutError | langchain.ModelTimeoutError)
        return SamplerError(said, retryable=bool(getattr(error, "is_retryable", False)) and not slow)
    if 400 <= status < 500 and status not in _PASSING:
        return RequestRejected(said)
    return SamplerError(said, retryable=status >= 500 or status in _PASSING, retry_after=wait)


_PASSING = (408, 409)
"""A timeout and a conflict: refusals that say nothing about the request."""
_STATUS_OF: Mapping[type[langchain.ModelError], int] = {
    langchain.ModelRateLimitError: 429,
    langchain.ModelAuthenticationError: 401,
    langchain.ModelPermissionDeniedError: 403,
    langchain.ModelNotFoundError: 404,
    langchain.ModelInvalidRequestError: 400,
    langchain.ContextOverflowError: 400,
    langchain.ModelAPIError: 500,
}
"""For models that raise LangChain's error without the HTTP status behind it."""


def _status(error: BaseException) -> int | None:
    for place in (error, getattr(error, "response", None)):
        status = getattr(place, "status_code", None)
        if isinstance(status, int):
            return status
    return next((status for kind, status in _STATUS_OF.items() if isinstance(error, kind)), None)


def _retry_after(error: BaseException) -> float | None:
    headers: Any = getattr(getattr(error, "response", None), "headers", None) or {}
    try:
        return float(headers.get("retry-after"))
    except (TypeError, ValueError):  # none, or a date
        return None


_BEFORE_SENDING = ("ClientConnectorError", "ConnectError", "ConnectTimeout", "PoolTimeout")
"""Errors of httpx, httpx2 and aiohttp that leave the request unsent, by name: none of them is imported here."""


def _never_connected(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, ConnectionRefusedError) or not names.isdisjoint(_BEFORE_SENDING)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _sentence(error: BaseException, secrets: Iterable[str]) -> str:
    said = str(error)
    for secret in filter(None, secrets):
        said = said.replace(secret, "***")
    return f"{type(error).__name__}: {' '.join(said.split())[:300] or 'no message'}"
