"""What goes wrong at an endpoint: one sentence, who pays, whether to try again, and never the key."""

import socket
import traceback
from typing import Any

import openai
import pytest

from tts_agent.exceptions import EndpointUnreachable, RateLimited, RequestRejected, SamplerError
from tts_agent.messages import user
from tts_agent.samplers.openai import OpenAISampler
from tts_agent.samplers.openai.errors import Endpoint
from tts_agent.sampling import SampleRequest, Usage
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

KEY = "sk-very-secret"
QUESTION = SampleRequest((user("What is two plus two?"),), max_tokens=8)


def closed_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    return port


async def failure(*faults: Fault, n: int = 1, **settings: Any) -> SamplerError:
    """The error of `n` samples where the endpoint does this."""
    with Loopback(ScriptedSampler(lambda *_: "4"), api_key=KEY, faults=faults) as endpoint:
        sampler = OpenAISampler("scripted", base_url=endpoint.url, **{"api_key": KEY, **settings})
        with pytest.raises(SamplerError) as caught:
            await sampler.sample(QUESTION, n)
    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in repr(caught.value) + repr(sampler)
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_wrong_key_is_rejected_and_not_repeated() -> None:
    with Loopback(ScriptedSampler(["4"]), api_key="another") as endpoint, pytest.raises(RequestRejected) as caught:
        await OpenAISampler("scripted", base_url=endpoint.url, api_key=KEY).sample(QUESTION, 1)
    assert str(caught.value) == f"the endpoint {endpoint.url} refused the API key"
    assert KEY not in "".join(traceback.format_exception(caught.value))


async def test_a_missing_key_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    error = await failure(api_key=None)
    assert isinstance(error, RequestRejected)
    assert "OPENAI_API_KEY" in str(error)


async def test_an_unknown_model_is_named() -> None:
    with Loopback(ScriptedSampler(["4"])) as endpoint, pytest.raises(RequestRejected) as caught:
        await OpenAISampler("gpt-99", base_url=endpoint.url).sample(QUESTION, 1)
    assert str(caught.value) == f"the endpoint {endpoint.url} does not know the model 'gpt-99'"


async def test_a_wrong_path_is_not_taken_for_an_unknown_model() -> None:
    with Loopback(ScriptedSampler(["4"])) as endpoint:
        url = endpoint.url.removesuffix("/v1")
        with pytest.raises(RequestRejected, match="or has no chat completions under this URL"):
            await OpenAISampler("tiny", base_url=url).sample(QUESTION, 1)


@pytest.mark.parametrize("status", [400, 402, 403, 413, 422])
async def test_a_rejection_is_not_billed_and_says_why(status: int) -> None:
    error = await failure(Fault(status=status, message=f"{KEY} may not\ndo that"))
    assert isinstance(error, RequestRejected)
    assert not error.billed
    assert not error.retryable
    assert str(error).endswith(": *** may not do that")


async def test_a_rate_limit_says_how_long_to_wait() -> None:
    error = await failure(Fault(status=429, message="slow down", retry_after="7.5"))
    assert isinstance(error, RateLimited)
    assert error.retry_after == 7.5
    assert str(error).endswith("asked to slow down: slow down")


async def test_a_used_up_quota_is_not_worth_waiting_for() -> None:
    error = await failure(Fault(status=429, message="no money", code="insufficient_quota"))
    assert isinstance(error, RequestRejected)
    assert "no money" in str(error)


@pytest.mark.parametrize("status", [408, 409, 500, 503, 529])
async def test_after_a_server_error_nobody_knows_the_bill(status: int) -> None:
    error = await failure(Fault(status=status, retry_after="1"))
    assert (type(error), error.billed, error.retryable, error.retry_after) == (SamplerError, True, True, 1.0)
    assert f"HTTP {status}" in str(error)


async def test_a_proxys_error_page_is_not_repeated() -> None:
    error = await failure(Fault(status=502, body="<html>Bad gateway</html>"))
    assert str(error).endswith("failed with HTTP 502")


async def test_an_endpoint_that_is_down_is_named_and_bills_nothing() -> None:
    url = f"http://user:password@127.0.0.1:{closed_port()}/v1"
    with pytest.raises(EndpointUnreachable) as caught:
        await OpenAISampler("tiny", base_url=url).sample(QUESTION, 2)
    assert url.replace("user:password@", "") in str(caught.value)
    assert "password" not in "".join(traceback.format_exception(caught.value))
    assert (caught.value.billed, caught.value.retryable) == (False, True)


async def test_a_dropped_connection_may_have_been_billed() -> None:
    error = await failure(Fault(drop=True))
    assert (type(error), error.billed, error.retryable) == (SamplerError, True, True)
    assert "broke" in str(error)


async def test_a_timeout_may_have_been_billed_and_is_not_tried_again() -> None:
    with Loopback(ScriptedSampler(lambda *_: "4"), faults=[None, Fault(delay=30)]) as endpoint:
        sampler = OpenAISampler("scripted", base_url=endpoint.url, timeout=1.0)
        await sampler.sample(QUESTION, 1)  # opens the connection, which takes time too
        with pytest.raises(SamplerError, match="in time") as caught:
            await sampler.sample(QUESTION, 1)
    assert (type(caught.value), caught.value.billed, caught.value.retryable) == (SamplerError, True, False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("<html><body>Sign in</body></html>", "not JSON"),
        ('{"object": "chat.completion"}', "no choices"),
        ('{"choices": []}', "no choices"),
        ("[1, 2]", "no choices"),
        ('{"error": {"message": "upstream is down", "code": 502}}', "upstream is down"),
        ('{"choices": [{"finish_reason": "error", "message": {"content": "half an ans"}}]}', "ended in an error"),
    ],
)
async def test_a_reply_that_is_no_completion_is_an_error_and_never_text(body: str, reason: str) -> None:
    error = await failure(Fault(body=body))
    assert (type(error), error.billed, error.retryable) == (SamplerError, True, False)
    assert reason in str(error)


async def test_survivors_of_concurrent_calls_are_kept() -> None:
    faults = (None, Fault(status=500), Fault(status=429), Fault(drop=True), Fault(null_usage=True))
    with Loopback(ScriptedSampler(lambda *_: "four"), faults=faults) as endpoint:
        batch = await OpenAISampler("scripted", base_url=endpoint.url, use_n=False).sample(QUESTION, 5)
    assert [sample.text for sample in batch.samples] == ["four", "four"]
    assert sorted(type(error).__name__ for error in batch.failures) == ["RateLimited", "SamplerError", "SamplerError"]
    assert batch.unaccounted == 3  # the server error, the drop and the unknown usage; the rate limit bills nothing
    assert batch.usage == Usage(5, 1)


async def test_when_all_calls_fail_the_one_that_may_be_billed_is_raised() -> None:
    error = await failure(Fault(status=429), Fault(status=500), Fault(status=429), n=3, use_n=False)
    assert error.billed


@pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=401), Fault(drop=True)])
async def test_a_failed_request_for_n_is_not_repeated_one_by_one(fault: Fault) -> None:
    with Loopback(ScriptedSampler(lambda *_: "4"), faults=[fault]) as endpoint, pytest.raises(SamplerError):
        await OpenAISampler("scripted", base_url=endpoint.url).sample(QUESTION, 3)
    assert len(endpoint.requests) == 1


def test_a_failure_of_the_client_itself_may_have_been_billed() -> None:
    error = Endpoint("http://localhost/v1", "tiny", KEY).explain(openai.OpenAIError(f"odd: {KEY}"))
    assert (str(error), error.billed) == ("the call to http://localhost/v1 failed: odd: ***", True)


def test_an_endpoint_does_not_show_its_key() -> None:
    assert KEY not in repr(Endpoint("http://localhost/v1", "tiny", KEY))
