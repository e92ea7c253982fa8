"""Every error this package raises on purpose.

TTSAgentError
├── ConfigurationError (ValueError)      something the user wrote is wrong; nothing was run
│   ├── MissingExtraError (ImportError)  an optional part is not installed
│   └── EstimatorFileError               a saved estimator is missing, foreign or damaged
├── BudgetExhausted (RuntimeError)       the next call does not fit the budget
│   └── BudgetUnavailable                the store of a shared budget cannot be asked
└── SamplerError (RuntimeError)          a model call failed
    ├── RateLimited                      the endpoint asked us to wait
    ├── EndpointUnreachable              no connection: nothing was billed
    └── RequestRejected                  wrong key, unknown model, bad request: nothing was billed
"""

from __future__ import annotations


class TTSAgentError(Exception):
    """Base class of every error of this package."""


class ConfigurationError(TTSAgentError, ValueError):
    """A setting, argument or input is wrong. One sentence says which and what would be right."""


class MissingExtraError(ConfigurationError, ImportError):
    """An optional dependency is not installed; the message names the extra that brings it."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra '{extra}': pip install 'tts-agent[{extra}]'")
        self.extra = extra


class EstimatorFileError(ConfigurationError):
    """A saved difficulty estimator cannot be used: missing, damaged, or made by something else."""


class BudgetExhausted(TTSAgentError, RuntimeError):
    """No useful call fits into what is left of the budget, or its time is up.

    Args:
        least: tokens of the smallest budget that would have done, where nothing of this one was used; else None.
    """

    def __init__(self, message: str, *, least: int | None = None) -> None:
        super().__init__(message)
        self.least = least


class BudgetUnavailable(BudgetExhausted):
    """The store of a shared budget is out of reach, gone or damaged: what is unknown counts as spent, never as free."""


class SamplerError(TTSAgentError, RuntimeError):
    """A call to a model failed.

    Args:
        message: one sentence for people; never contains a key.
        billed: `False` when the provider certainly charged nothing (the reservation is released),
            `True` when nobody can know (the reservation is forfeited, charged in full).
        retryable: whether the same call may succeed later.
        retry_after: seconds the endpoint asked us to wait, if it did.
    """

    def __init__(
        self, message: str, *, billed: bool = True, retryable: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.billed = billed
        self.retryable = retryable
        self.retry_after = retry_after


class RateLimited(SamplerError):
    """HTTP 429 or its equivalent: not billed, may be retried after `retry_after` seconds."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, billed=False, retryable=True, retry_after=retry_after)


class EndpointUnreachable(SamplerError):
    """The connection was never made, so nothing was billed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, billed=False, retryable=True)


class RequestRejected(SamplerError):
    """The endpoint refused the request (4xx): not billed, and retrying would not help."""

    def __init__(self, message: str) -> None:
        super().__init__(message, billed=False, retryable=False)
