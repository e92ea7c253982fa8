"""What went wrong at an endpoint, in this package's errors: one sentence, who pays, and whether to try again.

============================================  =====================  =============  ============
what happened                                 error                  billed         retryable
============================================  =====================  =============  ============
no connection was made                        `EndpointUnreachable`  no             yes
400, 401, 402, 403, 404, 413, 422, ...        `RequestRejected`      no             no
429                                           `RateLimited`          no             yes
429, but the account's quota is used up       `RequestRejected`      no             no
408, 409, 5xx                                 `SamplerError`         nobody knows   yes
the connection broke before the reply ended   `SamplerError`         nobody knows   yes
no reply in time                              `SamplerError`         nobody knows   no
a reply that is no chat completion            `SamplerError`         nobody knows   no
============================================  =====================  =============  ============

The last two are not tried again: the same request would most likely take as long again or meet the same page,
and each try costs its whole reservation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import openai

from tts_agent.exceptions import EndpointUnreachable, RateLimited, RequestRejected, SamplerError
from tts_agent.retry_after import retry_after

NO_KEY = "no-key"
"""Sent to endpoints that are not OpenAI's when there is no key: the client insists on one."""

LONGEST_DETAIL = 300
"""Characters of an endpoint's own message that an error repeats."""

NEVER_SENT = frozenset({"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol"})
"""Errors of the HTTP client that come before a request leaves. By name: openai 2 and 3 use different clients
with the same class names, and neither is ours to import."""


class RefusesN(RequestRejected):
    """The endpoint does not take the parameter `n`; single calls may work."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A model at an endpoint, as errors speak of it. No error ever contains the key."""

    url: str
    model: str
    api_key: str = field(repr=False)

    def explain(self, error: openai.OpenAIError, *, n: int = 1) -> SamplerError:
        """The error of this package that `error`, met by a request for `n` completions, stands for."""
        if isinstance(error, openai.APIStatusError):
            return self._explain_status(error, n)
        if type(error.__cause__).__name__ in NEVER_SENT:
            return EndpointUnreachable(f"cannot connect to {self.url}: {self._clean(str(error.__cause__))}")
        if isinstance(error, openai.APITimeoutError):
            return SamplerError(f"no reply from {self.url} in time; a longer timeout may help")
        if isinstance(error, openai.APIConnectionError):
            return SamplerError(f"the connection to {self.url} broke before the reply was complete", retryable=True)
        return SamplerError(f"the call to {self.url} failed: {self._clean(str(error))}")

    def unreadable(self, reason: str) -> SamplerError:
        """The endpoint answered 200 with something that is no completion. It may have been billed."""
        return SamplerError(f"the reply of {self.url} is not a chat completion: {self._clean(reason)}")

    def _explain_status(self, error: openai.APIStatusError, n: int) -> SamplerError:
        status, said = error.status_code, self._clean(_message(error))
        wait = retry_after(error.response.headers)
        if status == 429 and error.code != "insufficient_quota":
            return RateLimited(f"the endpoint {self.url} asked to slow down{_reason(said)}", retry_after=wait)
        if status in (408, 409) or status >= 500:
            failed = f"the endpoint {self.url} failed with HTTP {status}{_reason(said)}"
            return SamplerError(failed, retryable=True, retry_after=wait)
        return self._refusal(status, error, said, n)

    def _refusal(self, status: int, error: openai.APIStatusError, said: str, n: int) -> RequestRejected:
        kind = RequestRejected
        match status:
            case 401 if self.api_key == NO_KEY:
                what = "wants an API key: pass api_key or set OPENAI_API_KEY"
            case 401:
                what = "refused the API key"
            case 403:
                what = f"denied access to the model '{self.model}'{_reason(said)}"
            case 404 if error.code == "model_not_found" or self.model in said:
                what = f"does not know the model '{self.model}'"
            case 404:
                what = f"does not know the model '{self.model}', or has no chat completions under this URL"
            case _:
                what = f"rejected the request (HTTP {status}){_reason(said)}"
                kind = RefusesN if n > 1 and _names_n(error.param, said) else RequestRejected
        return kind(f"the endpoint {self.url} {what}")

    def _clean(self, text: str) -> str:
        """`text` on one line, of bounded length, without the key."""
        return " ".join(text.replace(self.api_key, "***").split())[:LONGEST_DETAIL]


def _message(error: openai.APIStatusError) -> str:
    """What the endpoint itself said: {"message": ...} (OpenAI) or {"detail": ...}; nothing of an HTML page."""
    body: Any = error.body
    if not isinstance(body, Mapping):
        return ""
    return str(body.get("message") or body.get("detail") or "")


def _reason(said: str) -> str:
    return f": {said}" if said else ""


def _names_n(param: str | None, said: str) -> bool:
    """Whether a rejection is about `n`: it names the field, or the number of choices."""
    return param == "n" or re.search(r"(?<![\w\\])n(?!\w)|\bchoices?\b", said) is not None
