"""Chat completions through the endpoint, with OpenAI's own client and with bare HTTP."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from itertools import count
from typing import Any

import httpx
import openai
import pytest

from tts_agent.cli import resolve
from tts_agent.messages import ToolCall
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.server import Embedded
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

Serve = Callable[..., str]
ASK: dict[str, Any] = {"model": "scripted", "messages": [{"role": "user", "content": "What is 2 + 2?"}]}
TOOL: Any = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}


def says(*texts: str | Sample) -> ScriptedSampler:
    """A model that says these in turns, for ever."""
    turn = count()
    return ScriptedSampler(lambda _request, _index: texts[next(turn) % len(texts)])


def client(url: str, key: str = "any") -> openai.OpenAI:
    return openai.OpenAI(base_url=url, api_key=key, max_retries=0)


def post(url: str, body: dict[str, Any] | None = None, /, **headers: str) -> httpx.Response:
    return httpx.post(f"{url}/chat/completions", json=body or ASK, headers=headers, timeout=30, verify=False)


def test_a_single_call_comes_back_as_the_upstream_said_it(serve: Serve) -> None:
    with Loopback(says("It is 4.")) as upstream:
        reply = client(serve(upstream.url)).chat.completions.create(**ASK)
    assert reply.choices[0].message.content == "It is 4."
    assert reply.usage
    assert reply.usage.completion_tokens == 3


def test_fields_that_nobody_here_knows_reach_the_upstream_and_our_own_do_not(serve: Serve) -> None:
    further = {"response_format": {"type": "json_object"}, "top_k": 7, "logprobs": True, "metadata": {"a": "b"}}
    with Loopback(says("{}")) as upstream:
        body = {**ASK, **further, "tts": {"task": "t"}, "tools": [TOOL], "tool_choice": "auto", "stop": "x", "seed": 5}
        body["metadata"] = {"a": "b", "tts_policy": "single"}
        assert post(serve(upstream.url), body).status_code == 200
    seen = upstream.requests[0]
    assert {name: seen[name] for name in further} == further
    assert (seen["tools"], seen["tool_choice"], seen["stop"], seen["seed"]) == ([TOOL], "auto", ["x"], 5)
    assert "tts" not in seen
    assert "max_tokens" not in seen  # nothing is capped, so nothing is bounded that the client left open


def test_a_vote_returns_the_majority_with_the_bill_of_all(serve: Serve) -> None:
    with Loopback(says("It is 4", "It is 5", "It is 4")) as upstream:
        url = serve(upstream.url)
        reply = post(url, **{"X-TTS-Policy": "parallel", "X-TTS-Max-Samples": "3"})
        decision = httpx.get(f"{url}/tts/decisions/{reply.headers['x-tts-decision']}").json()
    body = reply.json()
    assert body["choices"][0]["message"]["content"] == "It is 4"
    assert body["usage"]["completion_tokens"] == 9
    assert body["tts"]["votes"] == {"it is 4": 2, "it is 5": 1}
    assert decision["charged_tokens"] == body["usage"]["total_tokens"]
    assert [one["event"] for one in decision["events"]] == ["decided", "drawn"]


@pytest.mark.parametrize("policy", ["single", "parallel"])
def test_tool_calls_survive_as_a_stream_that_the_sdk_reads(serve: Serve, policy: str) -> None:
    def call(value: int) -> Sample:
        return Sample("", "tool_calls", (ToolCall("add", json.dumps({"a": value}), "call_1"),))

    with Loopback(says(call(1), call(2), call(1))) as upstream:
        extra = {"tts": {"policy": policy, "max_samples": 3}}
        with client(serve(upstream.url)).chat.completions.stream(**ASK, tools=[TOOL], extra_body=extra) as stream:
            final = stream.get_final_completion()
    assert upstream.requests[0]["tools"][0]["function"]["name"] == "add"
    calls = final.choices[0].message.tool_calls
    assert calls
    assert (calls[0].function.name, calls[0].function.arguments) == ("add", '{"a": 1}')
    assert final.choices[0].finish_reason == "tool_calls"
    assert final.usage


@pytest.mark.parametrize("policy", ["single", "parallel", "auto"])
def test_every_stream_ends_with_usage_and_done(serve: Serve, policy: str) -> None:
    with Loopback(says("It is 4.")) as upstream:
        reply = post(serve(upstream.url), {**ASK, "stream": True}, **{"X-TTS-Policy": policy})
    events = reply.text.split("\n\n")
    assert events[-2:] == ["data: [DONE]", ""]
    assert json.loads(events[-3].removeprefix("data: "))["usage"]["total_tokens"] > 0


def test_a_long_request_goes_on_whole(serve: Serve) -> None:
    text = "word " * 400_000
    with Loopback(says("4")) as upstream:
        post(serve(upstream.url), {**ASK, "messages": [{"role": "user", "content": text}]}).raise_for_status()
    assert upstream.requests[0]["messages"][0]["content"] == text


@pytest.mark.parametrize("n", ["honoured", "ignored", "refused"])
def test_several_choices_come_whatever_the_upstream_makes_of_n(serve: Serve, n: Any) -> None:
    with Loopback(says("a", "b"), n=n) as upstream:
        body = post(serve(upstream.url), {**ASK, "n": 3}).json()
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]


@pytest.mark.parametrize("n", ["honoured", "ignored", "refused"])
def test_several_choices_stream_with_one_bill_whatever_the_upstream_makes_of_n(serve: Serve, n: Any) -> None:
    sampler = says("one", "two", "three")
    with Loopback(sampler, n=n) as upstream:
        url = serve(upstream.url)
        for _ in range(2):  # the second time it is known that the model does not take n
            sampler.samples.clear()
            reply = post(url, {**ASK, "n": 3, "stream": True, "max_tokens": 100})
            *chunks, last = [json.loads(line[6:]) for line in reply.text.split("\n\n")[:-2]]
            texts, ends = ["", "", ""], []
            for choice in (one for chunk in chunks for one in chunk["choices"]):
                texts[choice["index"]] += choice["delta"].get("content") or ""
                ends += [choice["index"]] * (choice["finish_reason"] == "stop")
            assert (sorted(texts), sorted(ends)) == (["one", "three", "two"], [0, 1, 2])
            assert not any(chunk.get("usage") for chunk in chunks)
            assert last["usage"]["completion_tokens"] == sum(sample.usage.output_tokens for sample in sampler.samples)
            assert len({chunk["id"] for chunk in [*chunks, last]}) == 1


@pytest.mark.parametrize("policy", ["single", "parallel"])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(status=429, retry_after="61", code="rate_limit_exceeded"), 429),
        (Fault(status=400, message="no such field"), 400),
        (Fault(status=401), 401),
        (Fault(drop=True), 502),
        (Fault(body="<html>Bad gateway</html>"), 502),
        (Fault(body='{"choices": 3}'), 502),
        (Fault(status=503, body="<html>down</html>", retry_after="61"), 503),
    ],
)
def test_a_failure_keeps_its_status_and_never_becomes_an_answer(
    serve: Serve, fault: Fault, status: int, stream: bool, policy: str
) -> None:
    with Loopback(says("4"), faults=[fault] * 40) as upstream:
        reply = post(serve(upstream.url), {**ASK, "stream": stream}, **{"X-TTS-Policy": policy})
    assert reply.status_code == status
    assert reply.json()["error"]["message"]
    assert reply.headers.get("retry-after") == fault.retry_after


def test_an_upstream_that_is_not_there_is_a_bad_gateway(serve: Serve) -> None:
    reply = post(serve("http://127.0.0.1:9/v1"))
    assert (reply.status_code, reply.json()["error"]["code"]) == (502, "upstream_failed")


def test_a_reply_without_usage_is_charged_at_its_bound(serve: Serve) -> None:
    with Loopback(says("4"), faults=[Fault(null_usage=True)]) as upstream:
        body = post(serve(upstream.url), {**ASK, "max_tokens": 100}).json()
    assert body["usage"] is None
    assert body["tts"]["charged_tokens"] > 100


def test_a_task_that_is_spent_is_refused_with_402(serve: Serve) -> None:
    headers = {"X-TTS-Task": "report", "X-TTS-Budget": "2000"}
    with Loopback(says("word " * 500)) as upstream:
        url = serve(upstream.url)
        replies = [post(url, {**ASK, "max_tokens": 500}, **headers) for _ in range(6)]
        other = post(url, **{"X-TTS-Task": "another", "X-TTS-Budget": "2000"})
    assert replies[0].status_code == other.status_code == 200
    assert replies[-1].status_code == 402
    assert replies[-1].json()["error"]["code"] == "budget_exhausted"
    assert sum(reply.json()["usage"]["total_tokens"] for reply in replies if reply.status_code == 200) <= 2000


def test_a_spent_task_that_asks_for_it_gets_a_last_answer_without_tools(serve: Serve) -> None:
    headers = {"X-TTS-Task": "report", "X-TTS-On-Exhausted": "finalize"}
    with Loopback(says("word " * 800)) as upstream:
        url = serve(upstream.url, task_budget=4000, reserve_final=1500)
        replies = [post(url, {**ASK, "max_tokens": 800, "tools": [TOOL]}, **headers).json() for _ in range(4)]
    kinds = [reply["tts"]["strategy"] for reply in replies if "tts" in reply]
    assert "last answer" in kinds
    assert "tools" not in upstream.requests[kinds.index("last answer")]


def test_a_task_keeps_the_budget_it_was_begun_with(serve: Serve) -> None:
    with Loopback(says("4")) as upstream:
        url = serve(upstream.url)
        assert post(url, **{"X-TTS-Task": "t", "X-TTS-Budget": "9000"}).status_code == 200
        reply = post(url, **{"X-TTS-Task": "t", "X-TTS-Budget": "99000"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "other_budget")


def test_a_stored_budget_outlives_the_server(serve: Serve, tmp_path: Any) -> None:
    headers = {"X-TTS-Task": "t", "X-TTS-Budget": "1500"}
    with Loopback(says("word " * 500)) as upstream:
        settings = {"store": str(tmp_path / "budgets.db")}
        first = post(serve(upstream.url, **settings), {**ASK, "max_tokens": 700}, **headers)
        second = serve(upstream.url, **settings)
        later = [post(second, {**ASK, "max_tokens": 700}, **headers) for _ in range(3)]
    assert first.status_code == 200
    assert later[-1].status_code == 402


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_ends_the_work_and_is_charged(serve: Serve, stream: bool) -> None:
    headers = {"X-TTS-Task": "t", "X-TTS-Budget": "5000"}
    with Loopback(says("4"), faults=[Fault(delay=20)]) as upstream:
        url = serve(upstream.url)
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(
                f"{url}/chat/completions",
                json={**ASK, "max_tokens": 4000, "stream": stream},
                headers=headers,
                timeout=0.5,
            )
        metrics = url.removesuffix("/v1") + "/metrics"
        while "tts_requests_at_work 0" not in httpx.get(metrics).text:
            time.sleep(0.01)
        assert post(url, {**ASK, "max_tokens": 4000}, **headers).status_code == 402


def test_a_request_that_takes_too_long_is_a_gateway_timeout(serve: Serve) -> None:
    with Loopback(says("4"), faults=[Fault(delay=20)]) as upstream:
        reply = post(serve(upstream.url, timeout=0.3))
        assert (reply.status_code, reply.json()["error"]["code"]) == (504, "timeout")


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"messages": []},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "king", "content": "x"}]},
        {"messages": ["x"]},
        {"n": 0},
        {"n": True},
        {"max_tokens": -1},
        {"temperature": "hot"},
        {"stop": [1]},
        {"seed": "x"},
        {"tools": {}},
        {"stream": "yes"},
        {"tts": 3},
        {"tts": {"policy": "best"}},
        {"tts": {"budget": 0}},
        {"metadata": {"tts_max_samples": "many"}},
    ],
)
def test_what_is_wrong_with_a_request_is_one_sentence(serve: Serve, wrong: dict[str, Any]) -> None:
    reply = post(serve("http://127.0.0.1:9/v1"), {**ASK, **wrong})
    assert reply.status_code == 400
    assert reply.json()["error"]["message"]


def test_keys_are_asked_for_and_never_leave(serve: Serve) -> None:
    def check(request: SampleRequest, _: int) -> str:
        return "4"

    with Loopback(ScriptedSampler(check), api_key="upstreams") as upstream:
        url = serve(upstream.url, keys=("secret-1", "secret-2"))
        assert post(url).status_code == 401
        assert post(url, Authorization="Bearer wrong").status_code == 401
        reply = post(url, Authorization="Bearer secret-2")
    assert reply.status_code == 401  # the upstream's own: our key is not shown to it
    assert "secret" not in reply.text


def test_a_body_that_is_too_long_is_refused(serve: Serve) -> None:
    url = serve("http://127.0.0.1:9/v1", max_body=1000)
    assert post(url, {**ASK, "padding": "x" * 2000}).status_code == 413
    assert httpx.post(f"{url}/chat/completions", content=b"[" * 900).status_code == 400


def test_readiness_is_of_the_upstream_and_the_store_and_health_of_the_process(serve: Serve, tmp_path: Any) -> None:
    def at(url: str, path: str) -> httpx.Response:
        return httpx.get(url.removesuffix("/v1") + path, verify=False)

    with Loopback(says("4"), api_key="needed") as upstream:
        assert at(serve(upstream.url, store=str(tmp_path / "budgets.db")), "/readyz").json() == {"status": "ok"}
    gone = serve(upstream.url)
    assert at(gone, "/healthz").status_code == 200
    assert at(gone, "/readyz").status_code == 503
    assert at(gone, "/readyz").json()["missing"] == ["the upstream is out of reach"]
    (tmp_path / "damaged.db").write_bytes(b"no database" * 100)
    damaged = at(serve(Embedded(says("4")), store=str(tmp_path / "damaged.db")), "/readyz")
    assert damaged.json()["missing"] == ["the store of the budgets is out of reach"]


def test_the_tiny_model_is_served_like_any_other(serve: Serve) -> None:
    with client(serve(Embedded(resolve.sampler(resolve.EMBEDDED, None)))) as sdk:
        (model,) = sdk.models.list()
        ask: Any = {"model": model.id, "messages": [{"role": "user", "content": "What is 12 + 30?"}], "max_tokens": 64}
        single = sdk.chat.completions.create(**ask)
        vote = sdk.chat.completions.create(**ask, extra_body={"tts": {"policy": "parallel", "max_samples": 4}})
        assert single.choices[0].message.content
        assert single.usage
        assert vote.usage
        assert vote.usage.completion_tokens > single.usage.completion_tokens
        with pytest.raises(openai.NotFoundError):
            sdk.chat.completions.create(**{**ask, "model": "another"})


def test_models_health_and_metrics_are_there(serve: Serve) -> None:
    with Loopback(says("4")) as upstream:
        url = serve(upstream.url)
        with client(url) as sdk:
            assert [model.id for model in sdk.models.list()] == ["scripted"]
        assert httpx.get(url.removesuffix("/v1") + "/healthz").json() == {"status": "ok"}
        post(url)
        assert 'tts_requests_total{status="200"} 1' in httpx.get(url.removesuffix("/v1") + "/metrics").text
