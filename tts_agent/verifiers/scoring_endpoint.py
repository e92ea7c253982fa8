"""A reward model or cross-encoder behind an HTTP endpoint, such as the pooling models of vLLM."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from math import exp, isfinite
from time import sleep
from typing import Any, ClassVar, Literal
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tts_agent.effects import Flow, balance, call, record
from tts_agent.events import Retried
from tts_agent.exceptions import ConfigurationError, EndpointUnreachable, RateLimited, RequestRejected, SamplerError
from tts_agent.retry_after import LONGEST_WAIT, retry_after
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.replies import judged_once


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would take the key along, to whatever host it names."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none: the answer counts as a refusal."""


@dataclass(frozen=True, slots=True)
class ScoringEndpoint:
    """Scores all replies in one request to `url`/score, /classify or /pooling, whichever `api` says.

    "score" sends the question and each reply as a pair; "classify" and "pooling" send them as one text, a blank line
    between. The score is the number of the pair, the probability of the last class, or the last number of the pooled
    output; with `logit` it is squashed to 0..1. Truncated or unparseable replies score 0 and are not sent.

    These calls are not on the token ledger: what they cost is the endpoint's business.
    Format: docs.vllm.ai, "Pooling Models", "Online Serving".

    Raises:
        RequestRejected: by `verify`, when the endpoint refuses the request (wrong key, unknown model).
        SamplerError: by `verify`, when no usable reply came in `retries` + 1 tries.
    """

    needs: ClassVar[tuple[str, ...]] = ("endpoint",)
    source: ClassVar[str] = "vLLM's pooling API"

    url: str
    """Such as "http://localhost:8000"."""
    model: str
    api: Literal["score", "classify", "pooling"] = "score"
    accept_at: float = 0.5
    """Score from which on a reply is accepted."""
    logit: bool = False
    """Whether the endpoint's numbers are logits."""
    api_key: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    """Seconds of silence after which a try has failed."""
    retries: int = 2
    """Further tries of what may succeed later, after as long as the endpoint asks to wait, else half a second, a
    second, ...; none where that is more than a minute, or than the budget's time."""
    name: str = "scoring_endpoint"

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ConfigurationError(f"the url must begin with http:// or https://: {self.url!r}")
        if self.api not in ("score", "classify", "pooling"):
            raise ConfigurationError(f"api is {self.api!r}: it must be 'score', 'classify' or 'pooling'")
        if not self.timeout > 0.0 or self.retries < 0:
            raise ConfigurationError(f"timeout must be above 0, retries at least 0: {self.timeout}, {self.retries}")

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from judged_once(samples, partial(self._judge, step.text)))

    def _judge(self, question: str, replies: Sequence[str]) -> Flow[Sequence[Verdict]]:
        scores = yield from self._scores(question, replies)
        return [Verdict(score, accepted=score >= self.accept_at) for score in scores]

    def _scores(self, question: str, replies: Sequence[str]) -> Flow[list[float]]:
        wait = 0.0
        for attempt in range(self.retries + 1):
            try:
                return (yield from call(partial(self._ask, question, replies, wait)))
            except SamplerError as error:
                wait = error.retry_after if error.retry_after is not None else 0.5 * 2**attempt
                left = (yield from balance()).seconds_left
                longest = LONGEST_WAIT if left is None else min(LONGEST_WAIT, left)
                if not error.retryable or attempt == self.retries or wait > longest:
                    raise
                yield from record(Retried(str(error), wait))
        raise AssertionError("the last try returns or raises")

    def _ask(self, question: str, replies: Sequence[str], pause: float) -> list[float]:
        sleep(pause)
        headers = {"Content-Type": "application/json"}
        if self.api_key is not None:
            headers["Authorization"] = f"Bearer {self.api_key}"
        body = json.dumps(self._body(question, replies)).encode()
        request = Request(f"{self.url.rstrip('/')}/{self.api}", body, headers)
        try:
            with build_opener(_NoRedirects).open(request, timeout=self.timeout) as response:
                answer = json.load(response)
        except HTTPError as error:
            with error:
                said = f"the scoring endpoint answered with status {error.code}"
                asked = retry_after({name.lower(): value for name, value in error.headers.items()})
            if error.code == 429:
                raise RateLimited(said, retry_after=asked) from None
            if error.code == 408 or error.code >= 500:
                raise SamplerError(said, billed=False, retryable=True, retry_after=asked) from None
            raise RequestRejected(said) from None
        except (OSError, HTTPException) as error:
            raise EndpointUnreachable(f"the scoring endpoint cannot be reached: {type(error).__name__}") from None
        except ValueError:
            raise SamplerError("the scoring endpoint did not answer with JSON", billed=False) from None
        return self._read(answer, len(replies))

    def _body(self, question: str, replies: Sequence[str]) -> Mapping[str, Any]:
        if self.api == "score":
            return {"model": self.model, "text_1": question, "text_2": list(replies)}
        return {"model": self.model, "input": [f"{question}\n\n{reply}" for reply in replies]}

    def _read(self, answer: Any, n: int) -> list[float]:
        try:
            entries = {int(entry["index"]): self._number(entry) for entry in answer["data"]}
            scores = [entries[index] for index in range(n)]
        except (KeyError, IndexError, TypeError, ValueError):
            raise SamplerError(f"the scoring endpoint's answer is none of its /{self.api} API", billed=False) from None
        return [1.0 / (1.0 + exp(-max(-500.0, score))) for score in scores] if self.logit else scores

    def _number(self, entry: Mapping[str, Any]) -> float:
        """
        Raises:
            ValueError: it is not finite.
        """
        match self.api:
            case "score":
                number = float(entry["score"])
            case "classify":
                number = float(entry["probs"][-1])
            case "pooling":
                number = float(_last(entry["data"]))
        if not isfinite(number):
            raise ValueError(number)
        return number


def _last(pooled: Any) -> Any:
    """The last number of a vector, or of the last vector of a list of them (one a token)."""
    return _last(pooled[-1]) if isinstance(pooled, list) else pooled
