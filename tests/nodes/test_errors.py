"""What a failed call means for the ledger: in doubt it was billed."""

from typing import Any

import httpx
import openai
import pytest
from langchain_core import exceptions as langchain

from tests.nodes.models import openai_model
from tts_agent.exceptions import BudgetExhausted, EndpointUnreachable, RateLimited, RequestRejected, SamplerError
from tts_agent.nodes import adaptive_node
from tts_agent.nodes.errors import BudgetExceededError, as_failure, budget_errors
from tts_agent.portal import run_sync
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler


class StatusError(Exception):
    """The shape that provider SDKs share."""

    def __init__(self, status: int, said: str = "no", headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(said)
        self.status_code = status
        self.response = httpx.Response(status, headers=headers)
        vars(self).update(more)


@pytest.mark.parametrize(
    ("error", "kind", "billed", "retryable"),
    [
        (StatusError(400), RequestRejected, False, False),
        (StatusError(401), RequestRejected, False, False),
        (StatusError(404), RequestRejected, False, False),
        (StatusError(429), RateLimited, False, True),
        (StatusError(429, code="insufficient_quota"), RequestRejected, False, False),
        (StatusError(408), SamplerError, True, True),
        (StatusError(500), SamplerError, True, True),
        (StatusError(529), SamplerError, True, True),
        (StatusError(200), SamplerError, True, False),  # a reply, but not one that could be read
        (langchain.ModelRateLimitError("slow down"), RateLimited, False, True),
        (langchain.ModelAuthenticationError("who?"), RequestRejected, False, False),
        (langchain.ContextOverflowError("too long"), RequestRejected, False, False),
        (langchain.ModelAPIError("oops"), SamplerError, True, True),
        (langchain.ModelConnectionError("lost"), SamplerError, True, True),
        (langchain.ModelTimeoutError("late"), SamplerError, True, False),
        (TimeoutError("late"), SamplerError, True, False),
        (ConnectionRefusedError("nobody there"), EndpointUnreachable, False, True),
        (ValueError("no choices in the reply"), SamplerError, True, False),
    ],
)
def test_an_error_is_classified(error: Exception, kind: type[SamplerError], billed: bool, retryable: bool) -> None:
    failure = as_failure(error)
    assert type(failure) is kind
    assert (failure.billed, failure.retryable) == (billed, retryable)
    assert failure.__cause__ is error


def test_only_a_connection_that_was_never_made_is_certainly_not_billed() -> None:
    request = httpx.Request("POST", "http://localhost")

    def wrapped(cause: Exception) -> openai.APIConnectionError:
        error = openai.APIConnectionError(request=request)  # type: ignore[arg-type]  # httpx2's, with openai 3
        error.__cause__ = cause
        return error

    assert isinstance(as_failure(wrapped(httpx.ConnectError("refused"))), EndpointUnreachable)
    assert as_failure(wrapped(httpx.ReadError("gone"))).billed


@pytest.mark.parametrize("asynchronous", [False, True])
def test_what_mocks_httpx_alone_stands_in_nobody_s_way(monkeypatch: pytest.MonkeyPatch, asynchronous: bool) -> None:
    """openai 3 has another client than openai 2 had. So tests here talk to endpoints, and errors are known by name."""

    def mocked(*_: Any, **__: Any) -> Any:
        raise AssertionError("a request through httpx")

    for kind in (httpx.Client, httpx.AsyncClient):
        monkeypatch.setattr(kind, "send", mocked)
    with Loopback(ScriptedSampler(lambda request, index: "it is 42")) as endpoint:
        node = adaptive_node(openai_model(endpoint), policy="single")
        asked = {"messages": "What is 6 times 7?"}
        reply = run_sync(node.ainvoke(asked)) if asynchronous else node.invoke(asked)
        assert reply["messages"][0].text == "it is 42"
        assert len(endpoint.requests) == 1
    with pytest.raises(EndpointUnreachable):  # the endpoint is gone
        run_sync(node.ainvoke(asked)) if asynchronous else node.invoke(asked)


def test_the_pause_an_endpoint_asks_for_is_kept() -> None:
    assert as_failure(StatusError(429, headers={"retry-after": "7"})).retry_after == 7.0
    assert as_failure(StatusError(429, headers={"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"})).retry_after is None


def test_no_key_gets_into_the_message() -> None:
    failure = as_failure(StatusError(401, "the key sk-secret\nis wrong"), secrets=["", "sk-secret"])
    assert str(failure) == "StatusError: the key *** is wrong"


def test_an_exhausted_budget_is_an_error_that_nothing_in_langchain_retries() -> None:
    with pytest.raises(BudgetExceededError, match="nothing left") as raised, budget_errors():
        raise BudgetExhausted("nothing left")
    assert isinstance(raised.value, BudgetExhausted | langchain.ModelError)
    assert isinstance(raised.value, RuntimeError)
    assert not raised.value.is_retryable
