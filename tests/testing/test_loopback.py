"""The loopback endpoint, as any HTTP client sees it."""

import http.client
import json
import struct
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from socket import SO_LINGER, SOL_SOCKET
from typing import Any
from urllib.parse import urlsplit

import pytest

from tts_agent.exceptions import ConfigurationError, EndpointUnreachable, RateLimited, RequestRejected, SamplerError
from tts_agent.messages import Message, ToolCall
from tts_agent.sampling import Sample, SampleRequest, Usage
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import Reply, ScriptedSampler

CHAT = "/v1/chat/completions"
HELLO = {"model": "scripted", "messages": [{"role": "user", "content": "hello"}]}


class Answer:
    """A reply over HTTP."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def body(self) -> Any:
        return json.loads(self.text)


def port(endpoint: Loopback) -> int:
    found = urlsplit(endpoint.url).port
    assert found is not None
    return found


def ask(endpoint: Loopback, body: object = None, path: str = CHAT, **headers: str) -> Answer:
    """POST a body (bytes as they are, else as JSON), or GET without one."""
    connection = http.client.HTTPConnection("127.0.0.1", port(endpoint), timeout=10)
    try:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request("GET" if body is None else "POST", path, data, headers)
        return Answer(connection.getresponse())
    finally:
        connection.close()


def hello(**fields: object) -> Mapping[str, object]:
    return {**HELLO, **fields}


def numbered(request: SampleRequest, index: int) -> Reply:
    return f"sample {index}"


def test_models_are_listed() -> None:
    with Loopback(ScriptedSampler([], name="tiny")) as endpoint:
        answer = ask(endpoint, path="/v1/models")
    assert [model["id"] for model in answer.body["data"]] == ["tiny"]


def test_a_completion_looks_like_openais() -> None:
    usage = Usage(30, 9, cached_input_tokens=20, reasoning_tokens=4)
    with Loopback(ScriptedSampler([Sample("hi", usage=usage)])) as endpoint:
        body = ask(endpoint, HELLO).body
    assert body.pop("created") > 0
    assert body == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "scripted",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi"},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {
            "prompt_tokens": 30,
            "completion_tokens": 9,
            "total_tokens": 39,
            "prompt_tokens_details": {"cached_tokens": 20},
            "completion_tokens_details": {"reasoning_tokens": 4},
        },
    }


def test_every_field_reaches_the_sampler() -> None:
    messages = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "2 + "}, {"type": "text", "text": "2"}]},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "call_1", "function": {"name": "add", "arguments": "{}"}}],
        },
        {"role": "tool", "content": "4", "tool_call_id": "call_1"},
    ]
    tools = [{"type": "function", "function": {"name": "add"}}]
    sent = hello(messages=messages, max_tokens=9, temperature=0.5, stop="END", seed=3, tools=tools, top_p=0.9)
    model = ScriptedSampler(numbered)
    with Loopback(model) as endpoint:
        ask(endpoint, sent)
    assert endpoint.requests == [sent]
    request = model.calls[0].request
    assert request.messages == (
        Message("system", "Be brief."),
        Message("user", "2 + 2"),
        Message("assistant", "", (ToolCall("add", "{}", "call_1"),)),
        Message("tool", "4", tool_call_id="call_1"),
    )
    assert [message.raw for message in request.messages] == messages
    assert (request.max_tokens, request.temperature, request.stop, request.seed) == (9, 0.5, ("END",), 3)
    assert (request.tools, request.options) == (tuple(tools), {"top_p": 0.9})


def test_the_newer_name_of_the_cap_wins() -> None:
    model = ScriptedSampler(numbered)
    with Loopback(model) as endpoint:
        ask(endpoint, hello(max_tokens=9, max_completion_tokens=7))
        ask(endpoint, hello())
    assert [call.request.max_tokens for call in model.calls] == [7, 1024]


@pytest.mark.parametrize(("n", "status", "choices"), [("honoured", 200, 3), ("ignored", 200, 1), ("refused", 400, 0)])
def test_requests_for_several_choices_are_treated_as_told(n: Any, status: int, choices: int) -> None:
    with Loopback(ScriptedSampler(numbered), n=n) as endpoint:
        answer = ask(endpoint, hello(n=3))
        assert ask(endpoint, hello(n=1)).status == 200
    assert (answer.status, len(answer.body.get("choices", ()))) == (status, choices)


def test_logprobs_are_served_on_request() -> None:
    sample = Sample("two words", usage=Usage(1, 2), logprob=-0.5)
    with Loopback(ScriptedSampler([sample, sample])) as endpoint:
        asked, silent = ask(endpoint, hello(logprobs=True)), ask(endpoint, HELLO)
    assert [token["logprob"] for token in asked.body["choices"][0]["logprobs"]["content"]] == [-0.5, -0.5]
    assert silent.body["choices"][0]["logprobs"] is None


def test_a_model_without_logprobs_serves_none() -> None:
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        assert ask(endpoint, hello(logprobs=True)).body["choices"][0]["logprobs"] is None


def test_tool_calls_and_unknown_endings_are_served() -> None:
    sample = Sample("", "unknown", (ToolCall("add", "{}"), ToolCall("add", "{}", "mine")))
    with Loopback(ScriptedSampler([sample])) as endpoint:
        (choice,) = ask(endpoint, HELLO).body["choices"]
    assert choice["finish_reason"] is None
    assert [call["id"] for call in choice["message"]["tool_calls"]] == ["call_0", "mine"]


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", None),
        (b"[]", None),
        (hello(messages=[]), "messages"),
        (hello(messages=["hello"]), "messages"),
        (hello(messages=[{"role": "robot", "content": "hello"}]), "messages"),
        (hello(n=0), "n"),
        (hello(max_tokens="many"), "max_tokens"),
        (hello(max_completion_tokens=0), "max_completion_tokens"),
    ],
)
def test_a_wrong_request_is_told_which_field_is_wrong(body: object, field: str | None) -> None:
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        answer = ask(endpoint, body)
    assert (answer.status, answer.body["error"]["param"]) == (400, field)


def test_an_unknown_model_is_not_found() -> None:
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        answer = ask(endpoint, hello(model="gpt-99"))
    assert (answer.status, answer.body["error"]["code"]) == (404, "model_not_found")
    assert "gpt-99" in answer.body["error"]["message"]


@pytest.mark.parametrize("path", ["/", "/v1/responses", "/v1/models"])
def test_an_unknown_address_is_not_found(path: str) -> None:
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        assert ask(endpoint, HELLO, path).status == 404


def test_a_key_is_insisted_on() -> None:
    with Loopback(ScriptedSampler(numbered), api_key="right") as endpoint:
        answers = [
            ask(endpoint, HELLO),
            ask(endpoint, HELLO, Authorization="Bearer wrong"),
            ask(endpoint, HELLO, Authorization="Bearer right"),
            ask(endpoint, path="/v1/models"),
        ]
    assert [answer.status for answer in answers] == [401, 401, 200, 401]


def test_a_request_beyond_the_context_window_is_rejected() -> None:
    with Loopback(ScriptedSampler(numbered), context_window=10) as endpoint:
        answers = [ask(endpoint, hello(max_tokens=9)), ask(endpoint, hello(max_tokens=10))]
    assert [answer.status for answer in answers] == [200, 400]
    assert answers[1].body["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    ("error", "status", "wait"),
    [
        (RateLimited("slow down", retry_after=2.5), 429, "2.5"),
        (RateLimited("slow down"), 429, None),
        (RequestRejected("no"), 400, None),
        (EndpointUnreachable("down"), 500, None),
        (SamplerError("broke"), 500, None),
        (ConfigurationError("unknown word"), 400, None),
    ],
)
def test_failures_of_the_sampler_become_http_errors(error: Exception, status: int, wait: str | None) -> None:
    with Loopback(ScriptedSampler([error])) as endpoint:
        answer = ask(endpoint, HELLO)
    assert (answer.status, answer.headers["Retry-After"]) == (status, wait)
    assert answer.body["error"]["message"] == str(error)


# --------------------------------------------------------------------------------------------------------- faults


def test_faults_are_used_up_in_order_of_arrival() -> None:
    faults = [Fault(status=503, message="later", code="busy", retry_after="9"), None, Fault(null_usage=True)]
    with Loopback(ScriptedSampler(numbered), faults=faults) as endpoint:
        refused, right, silent, again = (ask(endpoint, HELLO) for _ in range(4))
    assert (refused.status, refused.headers["Retry-After"]) == (503, "9")
    assert (refused.body["error"]["message"], refused.body["error"]["code"]) == ("later", "busy")
    assert [answer.body["usage"] is None for answer in (right, silent, again)] == [False, True, False]


def test_a_dropped_connection_has_no_answer() -> None:
    with Loopback(ScriptedSampler(numbered), faults=[Fault(drop=True)]) as endpoint:
        with pytest.raises(http.client.RemoteDisconnected):
            ask(endpoint, HELLO)
        assert ask(endpoint, HELLO).status == 200


@pytest.mark.parametrize(("body", "kind"), [("<html>", "text/html"), ('{"choices": null}', "application/json")])
def test_any_body_can_be_sent(body: str, kind: str) -> None:
    with Loopback(ScriptedSampler(numbered), faults=[Fault(body=body)]) as endpoint:
        answer = ask(endpoint, HELLO)
    assert (answer.status, answer.text) == (200, body)
    assert answer.headers["Content-Type"].startswith(kind)


def test_an_error_can_be_a_page() -> None:
    with Loopback(ScriptedSampler(numbered), faults=[Fault(status=502, body="<html>")]) as endpoint:
        answer = ask(endpoint, HELLO)
    assert (answer.status, answer.text) == (502, "<html>")


def test_a_bug_in_the_sampler_is_shown_and_ends_the_connection(capsys: pytest.CaptureFixture[str]) -> None:
    model = ScriptedSampler([ZeroDivisionError("a bug")])
    with Loopback(model) as endpoint, pytest.raises(http.client.RemoteDisconnected):
        ask(endpoint, HELLO)
    assert "ZeroDivisionError: a bug" in capsys.readouterr().err


def test_an_answer_can_be_late() -> None:
    with Loopback(ScriptedSampler(numbered), faults=[Fault(delay=0.1)]) as endpoint:
        begin = time.monotonic()
        assert ask(endpoint, HELLO).status == 200
    assert time.monotonic() - begin >= 0.1


def test_closing_does_not_wait_for_late_answers() -> None:
    with ThreadPoolExecutor() as pool, Loopback(ScriptedSampler(numbered), faults=[Fault(delay=60)]) as endpoint:
        begin, patient = time.monotonic(), pool.submit(ask, endpoint, HELLO)
        while not endpoint.requests:
            time.sleep(0.01)
    assert time.monotonic() - begin < 30
    assert isinstance(patient.exception(), ConnectionError)


def test_a_client_that_leaves_early_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    with Loopback(ScriptedSampler(numbered), faults=[Fault(delay=0.1)]) as endpoint:
        connection = http.client.HTTPConnection("127.0.0.1", port(endpoint))
        connection.request("POST", CHAT, json.dumps(HELLO))
        while not endpoint.requests:
            time.sleep(0.01)
        connection.sock.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))  # closing resets the connection
        connection.close()
        time.sleep(0.2)
    assert not capsys.readouterr().err


def test_connections_are_counted_and_kept_open() -> None:
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        connection = http.client.HTTPConnection("127.0.0.1", port(endpoint), timeout=10)
        for _ in range(2):
            connection.request("POST", CHAT, json.dumps(HELLO))
            connection.getresponse().read()
        assert endpoint.connections == 1
    connection.close()


def streamed(answer: Answer) -> list[Any]:
    """The chunks of an event stream, which ends with [DONE]."""
    *events, end, rest = answer.text.split("\n\n")
    assert (end, rest) == ("data: [DONE]", "")
    return [json.loads(event.removeprefix("data: ")) for event in events]


def test_a_reply_can_be_streamed_word_by_word() -> None:
    with Loopback(ScriptedSampler(["hello to  you"])) as endpoint:
        answer = ask(endpoint, hello(stream=True))
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    chunks = streamed(answer)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert [delta["content"] for delta in deltas[1:-1]] == ["hello ", "to  ", "you"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "stop"]
    assert not any("usage" in chunk for chunk in chunks)


def test_a_stream_says_what_it_cost_if_asked() -> None:
    with Loopback(ScriptedSampler(["hello to you"])) as endpoint:
        *said, last = streamed(ask(endpoint, hello(stream=True, stream_options={"include_usage": True})))
    assert {chunk["usage"] for chunk in said} == {None}
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 4


def test_tool_calls_are_streamed_name_first() -> None:
    called = Sample("", "tool_calls", (ToolCall("add", '{"a": 1}', "x"), ToolCall("add", "{}", "y")))
    with Loopback(ScriptedSampler([called])) as endpoint:
        chunks = streamed(ask(endpoint, hello(stream=True)))
    calls = [call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())]
    assert [(call["index"], call.get("id")) for call in calls] == [(0, "x"), (0, None), (0, None), (1, "y"), (1, None)]
    assert "".join(call["function"]["arguments"] for call in calls if call["index"] == 0) == '{"a": 1}'
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_several_choices_are_streamed_in_turns() -> None:
    with Loopback(ScriptedSampler(["a b", "c"])) as endpoint:
        chunks = streamed(ask(endpoint, hello(stream=True, n=2)))
    said = [(chunk["choices"][0]["index"], chunk["choices"][0]["delta"].get("content")) for chunk in chunks]
    assert said == [(0, ""), (1, ""), (0, "a "), (1, "c"), (0, "b"), (1, None), (0, None)]
