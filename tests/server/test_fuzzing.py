"""Whatever is sent: no 500, no hang, and nothing is held once it is answered."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.exceptions import RateLimited, RequestRejected, SamplerError
from tts_agent.sampling import SampleRequest
from tts_agent.server import Embedded, Settings, create_app
from tts_agent.server.ledgers import Ledgers
from tts_agent.testing.scripted import ScriptedSampler

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MESSAGE = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "system", "assistant", "tool", "developer"]) | JSON, "content": st.text() | JSON},
    optional={"tool_calls": JSON, "tool_call_id": JSON, "name": JSON},
)
TTS = st.fixed_dictionaries(
    {},
    optional={
        "task": st.sampled_from(["a", "b"]) | JSON,
        "budget": st.integers(1, 3000) | JSON,
        "policy": st.sampled_from(["single", "auto", "parallel"]) | JSON,
        "max_samples": st.integers(1, 4) | JSON,
        "on_exhausted": st.sampled_from(["error", "finalize"]) | JSON,
    },
)
BODY = st.fixed_dictionaries(
    {
        "model": st.just("scripted") | JSON,
        "messages": st.lists(MESSAGE, min_size=1, max_size=3) | st.just([{"role": "user", "content": "2 + 2?"}]) | JSON,
    },
    optional={
        "n": st.integers(1, 3) | JSON,
        "max_tokens": st.integers(1, 50) | JSON,
        "max_completion_tokens": JSON,
        "temperature": st.floats(0, 2) | JSON,
        "stop": st.text(max_size=3) | JSON,
        "seed": st.integers(0, 9) | JSON,
        "stream": st.booleans() | JSON,
        "stream_options": JSON,
        "tools": JSON,
        "metadata": JSON,
        "tts": TTS | JSON,
        "response_format": JSON,
    },
)

ITEM = st.one_of(
    MESSAGE,
    st.fixed_dictionaries(
        {"type": st.sampled_from(["message", "function_call", "function_call_output", "reasoning", "item_reference"])},
        optional={name: st.text(max_size=5) | JSON for name in ("call_id", "name", "arguments", "output", "content")},
    ),
)
RESPONSE = st.fixed_dictionaries(
    {"model": st.just("scripted"), "input": st.text(min_size=1) | st.lists(ITEM, min_size=1, max_size=4) | JSON},
    optional={
        **dict.fromkeys(("instructions", "tools", "tool_choice", "text", "reasoning", "metadata", "include"), JSON),
        **dict.fromkeys(("previous_response_id", "background", "store", "top_logprobs", "n", "stop"), JSON),
        "max_output_tokens": st.integers(1, 50) | JSON,
        "stream": st.booleans() | JSON,
        "tts": TTS | JSON,
    },
)


def says(request: SampleRequest, index: int) -> str | SamplerError:
    """Words, and now and then a failure that is not worth another try."""
    match len(request.messages[-1].content) % 5, index % 3:
        case 1, 0:
            return RequestRejected("no")
        case 2, 1:
            return SamplerError("broken")
        case 3, 2:
            return RateLimited("later", retry_after=99.0)
    return f"It is {index % 2}"


async def answers(content: bytes, monkeypatch: pytest.MonkeyPatch, path: str = "chat/completions") -> httpx.Response:
    made: list[Ledgers] = []
    begin = Ledgers.__init__

    def remember(self: Ledgers, *arguments: Any) -> None:
        begin(self, *arguments)
        made.append(self)

    monkeypatch.setattr(Ledgers, "__init__", remember)
    app = create_app(Embedded(ScriptedSampler(says)), Settings(key_budget=20_000))
    async with (
        asyncio.timeout(60),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://any") as client,
    ):
        reply = await client.post(f"/v1/{path}", content=content)
    assert all(not ledger.held.tokens for ledger in made[0].open)
    return reply


def check(reply: httpx.Response) -> None:
    assert reply.status_code in (200, 400, 402, 404, 429, 502)
    if reply.status_code != 200:
        assert isinstance(reply.json()["error"]["message"], str)
    elif reply.headers["content-type"] == "text/event-stream":
        last = reply.text.rstrip().rpartition("data: ")[2]
        assert last == "[DONE]" or json.loads(last)["response"]["status"] in ("completed", "incomplete")
    else:
        assert reply.json().get("choices") or reply.json()["status"] in ("completed", "incomplete")


@settings(max_examples=60)
@given(BODY)
def test_any_body_gets_an_answer_or_a_sentence_and_nothing_stays_held(body: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        check(asyncio.run(answers(json.dumps(body).encode(), patch)))


@settings(max_examples=60)
@given(RESPONSE)
def test_so_does_any_request_for_a_response(body: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        check(asyncio.run(answers(json.dumps(body).encode(), patch, "responses")))


@pytest.mark.slow
@settings(max_examples=2000)
@given(BODY)
def test_so_do_two_thousand_bodies(body: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        check(asyncio.run(answers(json.dumps(body).encode(), patch)))


@pytest.mark.slow
@settings(max_examples=2000)
@given(RESPONSE)
def test_so_do_two_thousand_requests_for_a_response(body: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        check(asyncio.run(answers(json.dumps(body).encode(), patch, "responses")))


@settings(max_examples=30)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_request_get_a_sentence(content: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        reply = asyncio.run(answers(content, patch))
    assert reply.status_code == 400
