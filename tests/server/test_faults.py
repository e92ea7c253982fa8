"""Each way in which an upstream goes wrong, and what docs/server.md says of it. An error never becomes an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from threading import Event
from typing import Any

import httpx
import openai
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

Serve = Callable[..., str]
Mount = Callable[[ASGIApp], str]
Pieces = Callable[[], AsyncIterator[bytes]]
ASK: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
VOTE = {"X-TTS-Policy": "parallel", "X-TTS-Max-Samples": "3"}
RIGHT = "It is 4"
USAGE = {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def post(url: str, headers: dict[str, str] | None = None, **further: Any) -> httpx.Response:
    """One request; without certificates, because to load them takes longer than all else."""
    return httpx.post(f"{url}/chat/completions", json={**ASK, **further}, headers=headers, timeout=60, verify=False)


def decision(url: str, reply: httpx.Response) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{url}/tts/decisions/{reply.headers['x-tts-decision']}", verify=False).json()
    return found


def model() -> ScriptedSampler:
    return ScriptedSampler(lambda _request, _index: RIGHT)


def said(content: str | None, usage: dict[str, int] | None = USAGE) -> str:
    message = {"role": "assistant", "content": content}
    return json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage})


def upstream(pieces: Pieces, kind: str = "text/event-stream") -> Starlette:
    """An upstream that sends these."""

    async def complete(_: Request) -> Response:
        return StreamingResponse(pieces(), media_type=kind)

    return Starlette(routes=[Route("/v1/chat/completions", complete, methods=["POST"])])


def chunk(text: str, **choice: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}, **choice}]}).encode() + b"\n\n"


ONE = pytest.mark.parametrize(
    ("fault", "billed"),
    [
        (Fault(status=429, retry_after="0"), False),
        (Fault(status=500), True),
        (Fault(status=400), False),
        (Fault(drop=True), True),
        (Fault(body="<html>Bad gateway</html>"), True),
        (Fault(body='{"choices": ['), True),
        (Fault(body=said(None)), True),
    ],
    ids=["429", "500", "400", "hang up", "HTML", "bad JSON", "null content"],
)


@ONE
def test_the_survivors_of_a_vote_answer_and_what_was_served_is_what_is_reported(
    serve: Serve, fault: Fault, billed: bool
) -> None:
    sampler = model()
    with Loopback(sampler, n="ignored", faults=[None, fault]) as behind:
        url = serve(behind.url)
        reply = post(url, VOTE, max_tokens=50)
        events = decision(url, reply)["events"]
    body = reply.json()
    served = sum(sample.usage.total for sample in sampler.samples)
    assert body["choices"][0]["message"]["content"] == RIGHT
    assert body["usage"]["total_tokens"] == served + (USAGE["total_tokens"] if fault.body == said(None) else 0)
    assert (body["tts"]["charged_tokens"] > served) is billed  # what may have been billed is charged
    assert sum(len(event.get("failures", ())) for event in events) == (fault.body != said(None))


@pytest.mark.parametrize("headers", [{}, VOTE], ids=["single", "vote"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(status=429, retry_after="61"), 429),
        (Fault(status=500), 500),
        (Fault(status=400), 400),
        (Fault(drop=True), 502),
        (Fault(body="<html>Bad gateway</html>"), 502),
        (Fault(body='{"choices": ['), 502),
        (Fault(body='{"error": {"message": "overloaded"}}'), 502),
    ],
    ids=["429", "500", "400", "hang up", "HTML", "bad JSON", "error with 200"],
)
def test_where_all_fail_the_failure_is_the_answer(
    serve: Serve, fault: Fault, status: int, stream: bool, headers: dict[str, str]
) -> None:
    with Loopback(model(), faults=[fault] * 20) as behind:
        reply = post(serve(behind.url), headers, stream=stream)
    assert reply.status_code == status
    assert reply.json()["error"]["message"]
    assert reply.headers.get("retry-after") == fault.retry_after


def test_a_vote_repeats_what_failed_and_reports_it_once(serve: Serve) -> None:
    sampler = model()
    with Loopback(sampler, faults=[Fault(status=429, retry_after="0")]) as behind:
        reply = post(serve(behind.url), VOTE)
    assert reply.json()["usage"]["total_tokens"] == sum(sample.usage.total for sample in sampler.samples)
    assert len(behind.requests) == 2


def test_null_content_is_no_vote_and_comes_as_it_is_where_nothing_is_voted_on(serve: Serve) -> None:
    with Loopback(model(), faults=[Fault(body=said(None))] * 20) as behind:
        url = serve(behind.url)
        single, vote = post(url), post(url, VOTE)
    assert single.json()["choices"][0]["message"]["content"] is None
    assert vote.json()["choices"][0]["message"]["content"] is None
    assert vote.json()["tts"]["votes"] == {}


@pytest.mark.parametrize("headers", [{}, VOTE], ids=["single", "vote"])
def test_a_bill_that_is_missing_is_reported_as_missing_and_charged_at_its_bound(
    serve: Serve, headers: dict[str, str]
) -> None:
    with Loopback(model(), faults=[Fault(null_usage=True)] * 3) as behind:
        body = post(serve(behind.url), headers, max_tokens=100).json()
    assert body["usage"] is None
    assert body["tts"]["charged_tokens"] > 100


@pytest.mark.parametrize("n", ["ignored", "refused"])
def test_an_upstream_without_n_is_asked_once_for_each(serve: Serve, n: Any) -> None:
    sampler = model()
    with Loopback(sampler, n=n) as behind:
        url = serve(behind.url)
        first, second = post(url, VOTE), post(url, VOTE)
    served = sum(sample.usage.total for sample in sampler.samples)
    assert [reply.json()["tts"]["votes"] for reply in (first, second)] == [{"it is 4": 3}] * 2
    assert sum(reply.json()["usage"]["total_tokens"] for reply in (first, second)) == served
    assert ["n" in body for body in behind.requests].count(True) == 1


def test_a_wrong_request_is_not_taken_for_a_refusal_of_n(serve: Serve) -> None:
    with Loopback(model(), faults=[Fault(status=400)] * 2) as behind:
        url = serve(behind.url)
        assert post(url, VOTE).status_code == 400
        assert post(url, VOTE).status_code == 200
    assert [body.get("n") for body in behind.requests] == [3, None, 3]


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_of_ten_megabytes_comes_whole(serve: Serve, stream: bool) -> None:
    text = "word " * 2_000_000
    with Loopback(model(), faults=[Fault(body=said(text))]) as behind:
        reply = post(serve(behind.url), stream=stream)
    if stream:
        chunks = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
        assert chunks[0]["choices"][0]["delta"]["content"] == text
    else:
        assert reply.json()["choices"][0]["message"]["content"] == text


def test_an_upstream_that_does_not_stream_is_streamed_from(serve: Serve) -> None:
    with Loopback(model(), faults=[Fault(body=said(RIGHT))]) as behind:
        sdk = openai.OpenAI(base_url=serve(behind.url), api_key="any", max_retries=0)
        with sdk.chat.completions.stream(**ASK, stream_options={"include_usage": True}) as stream:
            final = stream.get_final_completion()
    assert final.choices[0].message.content == RIGHT
    assert final.usage
    assert final.usage.total_tokens == USAGE["total_tokens"]


@pytest.mark.parametrize(
    "then",
    [b"", b"data: <html>\n\n", b'data: {"error": {"message": "overloaded"}}\n\n', chunk("", finish_reason="error")],
    ids=["breaks off", "bad JSON", "error", "ends in an error"],
)
@pytest.mark.parametrize("path", ["chat/completions", "responses"])
def test_a_stream_that_breaks_is_an_error_to_its_client(serve: Serve, mount: Mount, then: bytes, path: str) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield chunk("It ")
        yield then
        raise ConnectionError  # hangs up

    sdk = openai.OpenAI(base_url=serve(mount(upstream(pieces))), api_key="any", max_retries=0)
    if path == "responses":
        stream: Any = sdk.responses.create(model="scripted", input="2 + 2?", stream=True)
    else:
        stream = sdk.chat.completions.create(**ASK, stream=True)
    with pytest.raises(openai.APIError, match="upstream"):
        list(stream)


@pytest.mark.parametrize("stream", [False, True])
def test_an_upstream_that_hangs_or_trickles_is_given_up_in_time_and_told_so(
    serve: Serve, mount: Mount, stream: bool
) -> None:
    told = Event()

    async def pieces() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b": still there\n\n"
                await asyncio.sleep(0.05)
        finally:
            told.set()

    reply = post(serve(mount(upstream(pieces)), timeout=0.5), stream=stream)
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "timeout")
    assert told.wait(30)


def test_a_stream_that_trickles_too_long_ends_in_an_error(serve: Serve, mount: Mount) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        while True:
            yield chunk("word ")
            await asyncio.sleep(0.05)

    reply = post(serve(mount(upstream(pieces)), timeout=0.5), stream=True)
    last = reply.text.rstrip().rpartition("data: ")[2]
    assert reply.status_code == 200
    assert json.loads(last)["error"]["code"] == "timeout"
    assert "[DONE]" not in reply.text
