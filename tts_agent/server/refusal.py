"""Errors as HTTP answers in OpenAI's form: each keeps its own status, and none becomes an answer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tts_agent.exceptions import (
    BudgetExhausted,
    BudgetUnavailable,
    ConfigurationError,
    RateLimited,
    RequestRejected,
    SamplerError,
    TTSAgentError,
)


class Refusal(Exception):
    """An HTTP error. `code` and `param` are for programs: what is wrong, in which field."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        kind = "invalid_request_error" if status < 500 else "server_error"
        error = {"message": message, "type": kind, "param": param, "code": code}
        self.body: Mapping[str, Any] = body or {"error": error}
        self.headers = {} if retry_after is None else {"Retry-After": str(math.ceil(retry_after))}


class UpstreamError(SamplerError):
    """The upstream answered with an HTTP error, which the client shall see as it was."""

    def __init__(
        self, status: int, message: str, body: Mapping[str, Any] | None, *, retry_after: float | None = None
    ) -> None:
        unsure = status in (408, 409) or status >= 500
        retryable = unsure or status == 429
        super().__init__(message, billed=unsure, retryable=retryable, retry_after=retry_after)
        self.status = status
        self.body = body


class TimedOut(SamplerError):
    """No word from the upstream in time. It may have been billed."""


def refusal_of(error: TTSAgentError, *, late: bool = False) -> Refusal:
    """The HTTP answer that says what went wrong.

    Args:
        late: whether the request's own time was up.
    """
    text = str(error)
    match error:
        case UpstreamError():
            answer = Refusal(error.status, text, retry_after=error.retry_after, body=error.body)
        case BudgetUnavailable():
            answer = Refusal(503, text, code="budget_unavailable", retry_after=1.0)
        case BudgetExhausted() if late:
            answer = Refusal(504, text, code="timeout")
        case BudgetExhausted():
            answer = Refusal(402, text, code="budget_exhausted")
        case TimedOut():
            answer = Refusal(504, text, code="upstream_timeout")
        case RateLimited():
            answer = Refusal(429, text, code="rate_limit_exceeded", retry_after=error.retry_after)
        case RequestRejected() | ConfigurationError():
            answer = Refusal(400, text)
        case _:
            answer = Refusal(502, text, code="upstream_failed")
    return answer
