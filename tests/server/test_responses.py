"""`/v1/responses`, with OpenAI's own client, in front of an upstream that has only chat completions."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
import openai
import pytest
from pydantic import BaseModel

from tts_agent.messages import ToolCall
from tts_agent.sampling import Sample
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

Serve = Callable[..., str]
ASK: dict[str, Any] = {"model": "scripted", "input": "What is 2 + 2?"}
TOOL: Any = {"type": "function", "name": "add", "parameters": {"type": "object", "properties": {}}, "strict": False}
POLICIES = pytest.mark.parametrize("policy", ["single", "parallel"])


class Sum(BaseModel):
    total: int


def says(*texts: str | Sample) -> ScriptedSampler:
    """A model that says these in turns, for ever."""
    turn = count()
    return ScriptedSampler(lambda _request, _index: texts[next(turn) % len(texts)])


def calls(value: int) -> Sample:
    return Sample("", "tool_calls", (ToolCall("add", json.dumps({"a": value}), f"call_{value}"),))


def client(url: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key="any", max_retries=0)


def post(url: str, body: dict[str, Any] | None = None, /, **headers: str) -> httpx.Response:
    return httpx.post(f"{url}/responses", json=body or ASK, headers=headers, timeout=30, verify=False)


def votes(policy: str) -> dict[str, Any]:
    return {"tts": {"policy": policy, "max_samples": 3}}


@POLICIES
def test_a_text_is_answered_with_the_bill(serve: Serve, policy: str) -> None:
    with Loopback(says("It is 4", "It is 5", "It is 4")) as upstream:
        reply = client(serve(upstream.url)).responses.create(**ASK, instructions="Be brief.", extra_body=votes(policy))
    assert reply.output_text == "It is 4"
    assert reply.status == "completed"
    assert reply.usage
    assert reply.usage.output_tokens == (3 if policy == "single" else 9)
    assert upstream.requests[0]["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is 2 + 2?"},
    ]


def test_the_asynchronous_client_reads_it_too(serve: Serve) -> None:
    async def ask(url: str) -> tuple[str, str]:
        async with openai.AsyncOpenAI(base_url=url, api_key="any", max_retries=0) as asynchronous:
            whole = await asynchronous.responses.create(**ASK)
            async with asynchronous.responses.stream(**ASK) as stream:
                return whole.output_text, (await stream.get_final_response()).output_text

    with Loopback(says("It is 4.")) as upstream:
        assert asyncio.run(ask(serve(upstream.url))) == ("It is 4.", "It is 4.")


@POLICIES
def test_a_stream_tells_of_the_text_from_its_beginning_to_its_bill(serve: Serve, policy: str) -> None:
    with Loopback(says("It is 4.")) as upstream:
        with client(serve(upstream.url)).responses.stream(**ASK, extra_body=votes(policy)) as stream:
            events = list(stream)
        final = stream.get_final_response()
    kinds = [event.type for event in events if event.type != "response.output_text.delta"]
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == "It is 4."
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert final.output_text == "It is 4."
    assert final.usage
    assert final.usage.total_tokens > 0


@POLICIES
@pytest.mark.parametrize("stream", [False, True])
def test_a_call_of_a_function_survives_and_its_result_goes_back(serve: Serve, policy: str, stream: bool) -> None:
    with Loopback(says(calls(1), calls(2), calls(1))) as upstream:
        sdk = client(serve(upstream.url))
        ask = {**ASK, "tools": [TOOL], "tool_choice": {"type": "function", "name": "add"}}
        if stream:
            with sdk.responses.stream(**ask, extra_body=votes(policy)) as events:
                reply: Any = events.get_final_response()
        else:
            reply = sdk.responses.create(**ask, extra_body=votes(policy))
        call = reply.output[0]
        result: Any = {"type": "function_call_output", "call_id": call.call_id, "output": "3"}
        sdk.responses.create(model="scripted", input=[{"role": "user", "content": "2 + 2?"}, call, result])
    assert (call.type, call.name, call.arguments, call.call_id) == ("function_call", "add", '{"a": 1}', "call_1")
    first, last = upstream.requests[0], upstream.requests[-1]
    function = {name: value for name, value in TOOL.items() if name != "type"}
    assert first["tools"] == [{"type": "function", "function": function}]
    assert first["tool_choice"] == {"type": "function", "function": {"name": "add"}}
    assert last["messages"][1]["tool_calls"][0]["function"] == {"name": "add", "arguments": '{"a": 1}'}
    assert last["messages"][2] == {"role": "tool", "tool_call_id": "call_1", "content": "3"}


@pytest.mark.parametrize("stream", [False, True])
def test_an_output_of_a_given_form_is_parsed(serve: Serve, stream: bool) -> None:
    with Loopback(says('{"total": 4}')) as upstream:
        sdk = client(serve(upstream.url))
        if stream:
            with sdk.responses.stream(**ASK, text_format=Sum) as events:
                parsed = events.get_final_response().output_parsed
        else:
            parsed = sdk.responses.parse(**ASK, text_format=Sum).output_parsed
    assert parsed == Sum(total=4)
    form = upstream.requests[0]["response_format"]
    assert (form["type"], form["json_schema"]["name"], form["json_schema"]["strict"]) == ("json_schema", "Sum", True)


def test_fields_with_a_meaning_in_chat_completions_arrive_under_their_names_there(serve: Serve) -> None:
    body = {
        **ASK,
        "max_output_tokens": 50,
        "reasoning": {"effort": "low", "summary": "auto"},
        "text": {"verbosity": "low"},
        "metadata": {"tts_task": "report", "mine": "x"},
        "include": ["reasoning.encrypted_content"],
        "top_logprobs": 2,
        "store": True,
        "truncation": "disabled",
        "top_p": 0.5,
        "top_k": 7,
    }
    with Loopback(says("4")) as upstream:
        reply = post(serve(upstream.url), body).json()
    seen = {name: value for name, value in upstream.requests[0].items() if name not in ("model", "messages")}
    assert seen == {
        "max_tokens": 50,
        "reasoning_effort": "low",
        "verbosity": "low",
        "logprobs": True,
        "top_logprobs": 2,
        "top_p": 0.5,
        "top_k": 7,
    }
    assert (reply["max_output_tokens"], reply["metadata"]["mine"], reply["store"]) == (50, "x", False)


@pytest.mark.parametrize("stream", [False, True])
def test_a_reply_that_was_cut_is_incomplete(serve: Serve, stream: bool) -> None:
    with Loopback(says("one two three four")) as upstream:
        reply = post(serve(upstream.url), {**ASK, "max_output_tokens": 2, "stream": stream})
    body = json.loads(reply.text.rpartition("data: ")[2])["response"] if stream else reply.json()
    assert (body["status"], body["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert body["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize("stream", [False, True])
def test_a_spent_budget_is_a_402_that_the_client_does_not_try_again(serve: Serve, stream: bool) -> None:
    with Loopback(says("4")) as upstream:
        sdk = openai.OpenAI(base_url=serve(upstream.url), api_key="any")
        with pytest.raises(openai.APIStatusError) as refused:
            sdk.responses.create(**ASK, stream=stream, extra_headers={"X-TTS-Budget": "5"})
    assert refused.value.status_code == 402
    assert refused.value.code == "budget_exhausted"
    assert not upstream.requests


@POLICIES
@pytest.mark.parametrize("stream", [False, True])
def test_a_failure_keeps_its_status(serve: Serve, stream: bool, policy: str) -> None:
    faults = [Fault(status=429, retry_after="61", code="rate_limit_exceeded")] * 8
    with Loopback(says("4"), faults=faults) as upstream, pytest.raises(openai.RateLimitError) as limited:
        client(serve(upstream.url)).responses.create(**ASK, stream=stream, extra_body=votes(policy))
    assert limited.value.response.headers["retry-after"] == "61"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"n": 2}, "n"),
        ({"input": None}, "input"),
        ({"input": []}, "input"),
        ({"input": ["x"]}, "input"),
        ({"input": [{"role": "king", "content": "x"}]}, "input"),
        ({"input": [{"role": ["user"], "content": "x"}]}, "input"),
        ({"input": [{"role": "user", "content": 3}]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]}, "input"),
        ({"input": [{"type": "item_reference", "id": "i"}]}, "input"),
        ({"input": [{"type": "function_call", "name": "add"}]}, "input"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "web_search"}]}, "tools"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"text": "x"}, "text"),
        ({"instructions": 3}, "instructions"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"metadata": {"tts_budget": "x"}}, "tts.budget"),
    ],
)
def test_what_is_wrong_or_cannot_be_honoured_is_one_sentence(serve: Serve, wrong: dict[str, Any], field: str) -> None:
    reply = post(serve("http://127.0.0.1:9/v1"), {**ASK, **wrong})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, field)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("include", ["file_search_call.results"]),
        ("include", "message.output_text.logprobs"),
        ("truncation", "auto"),
        ("max_tool_calls", 0),
        ("context_management", [{"type": "compaction"}]),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(serve: Serve, field: str, value: object) -> None:
    with Loopback(says("4")) as upstream:
        reply = post(serve(upstream.url), {**ASK, field: value})
    assert (reply.status_code, reply.json()["error"]["param"]) == (400, field)
    assert not upstream.requests


def test_what_is_so_anyway_is_taken_and_said_back(serve: Serve) -> None:
    include = ["reasoning.encrypted_content", "message.output_text.logprobs"]
    with Loopback(says("4")) as upstream:
        body = {**ASK, "include": include, "truncation": "disabled", "max_tool_calls": 2}
        reply = post(serve(upstream.url), body).json()
    assert (reply["status"], reply["truncation"], reply["max_tool_calls"]) == ("completed", "disabled", 2)
    assert upstream.requests[0]["logprobs"] is True
    assert not {"include", "truncation", "max_tool_calls"} & set(upstream.requests[0])
