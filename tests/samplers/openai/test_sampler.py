"""The real client against a loopback endpoint: what is sent, and what becomes of the reply."""

import asyncio
import importlib
import json
import sys
from typing import Any

import pytest

import tts_agent.samplers.openai
from tts_agent.exceptions import ConfigurationError, MissingExtraError, RequestRejected
from tts_agent.messages import Message, ToolCall, system, user
from tts_agent.samplers.openai import OpenAISampler
from tts_agent.sampling import Sample, Sampler, SampleRequest, Usage, sample_seed
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler

QUESTION = SampleRequest((user("What is two plus two?"),), max_tokens=32)


def numbered(request: SampleRequest, index: int) -> str:
    """The scripted model's reply tells which random stream it came from."""
    return f"seed {request.seed} index {index}"


def sampler_at(endpoint: Loopback, **settings: Any) -> OpenAISampler:
    return OpenAISampler("scripted", base_url=endpoint.url, **settings)


def test_it_is_a_sampler() -> None:
    sampler: Sampler = OpenAISampler("tiny", base_url="http://localhost:1/v1")
    assert isinstance(sampler, Sampler)
    assert sampler.name == "tiny"


# ------------------------------------------------------------------------------------------------- the parameter n


async def test_several_samples_are_one_request_where_n_is_honoured() -> None:
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        batch = await sampler_at(endpoint).sample(QUESTION, 3)
    assert [sample.text for sample in batch.samples] == [f"seed None index {i}" for i in range(3)]
    assert [body.get("n") for body in endpoint.requests] == [3]


async def test_an_endpoint_that_ignores_n_is_topped_up_and_remembered() -> None:
    with Loopback(ScriptedSampler(numbered), n="ignored") as endpoint:
        sampler = sampler_at(endpoint)
        first, second = await sampler.sample(QUESTION, 3), await sampler.sample(QUESTION, 2)
    assert (len(first.samples), len(second.samples)) == (3, 2)
    assert [body.get("n") for body in endpoint.requests] == [3, None, None, None, None]


async def test_an_endpoint_that_rejects_n_is_asked_with_single_calls_and_remembered() -> None:
    with Loopback(ScriptedSampler(numbered), n="refused") as endpoint:
        sampler = sampler_at(endpoint)
        first, second = await sampler.sample(QUESTION, 3), await sampler.sample(QUESTION, 2)
    assert (len(first.samples), len(second.samples)) == (3, 2)
    assert [body.get("n") for body in endpoint.requests] == [3, None, None, None, None, None]
    assert not first.failures
    assert not first.unaccounted


async def test_a_rejection_that_is_not_about_n_is_not_sent_again() -> None:
    with Loopback(ScriptedSampler(numbered), context_window=8) as endpoint, pytest.raises(RequestRejected) as caught:
        await sampler_at(endpoint).sample(QUESTION, 3)
    assert "context is 8 tokens" in str(caught.value)
    assert len(endpoint.requests) == 1


async def test_n_is_never_sent_when_switched_off() -> None:
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        batch = await sampler_at(endpoint, use_n=False).sample(QUESTION, 3)
    assert len(batch.samples) == 3
    assert [body.get("n") for body in endpoint.requests] == [None] * 3


async def test_each_seeded_sample_has_a_seed_of_its_own() -> None:
    request = SampleRequest(QUESTION.messages, max_tokens=32, seed=100, offset=5)
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        batch = await sampler_at(endpoint).sample(request, 3)
    assert [sample.text for sample in batch.samples] == [f"seed {sample_seed(100, i)} index 0" for i in (5, 6, 7)]
    assert all("n" not in body for body in endpoint.requests)


async def test_single_calls_run_at_the_same_time() -> None:
    started = asyncio.Event()
    arrived = 0

    class Meeting(ScriptedSampler):
        """Answers nobody before three have asked."""

        async def sample(self, request: SampleRequest, n: int) -> Any:
            nonlocal arrived
            arrived += 1
            if arrived == 3:
                started.set()
            await started.wait()
            return await super().sample(request, n)

    with Loopback(Meeting(numbered)) as endpoint:
        batch = await asyncio.wait_for(sampler_at(endpoint, use_n=False).sample(QUESTION, 3), 10)
    assert len(batch.samples) == 3


# -------------------------------------------------------------------------------------------------- what is sent


async def test_every_setting_of_a_request_arrives() -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    request = SampleRequest(
        (system("Be brief."), user("Add 2 and 2.")),
        max_tokens=20,
        temperature=0.5,
        stop=("\n\n", "END"),
        seed=7,
        tools=(tool,),
        options={"top_p": 0.9, "response_format": {"type": "text"}},
    )
    model = ScriptedSampler(numbered)
    with Loopback(model) as endpoint:
        await sampler_at(endpoint, logprobs=True, options={"top_p": 0.1, "user": "me"}).sample(request, 1)
    assert endpoint.requests == [
        {
            "model": "scripted",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Add 2 and 2."}],
            "max_tokens": 20,
            "temperature": 0.5,
            "stop": ["\n\n", "END"],
            "seed": 7,
            "tools": [tool],
            "logprobs": True,
            "top_p": 0.9,
            "response_format": {"type": "text"},
            "user": "me",
        }
    ]


async def test_nothing_is_sent_that_was_not_asked_for() -> None:
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        await sampler_at(endpoint).sample(QUESTION, 1)
    assert endpoint.requests[0].keys() == {"model", "messages", "max_tokens"}


async def test_fields_the_client_does_not_know_are_sent_too() -> None:
    options = {"chat_template_kwargs": {"thinking": False}, "extra_body": {"top_k": 4}}
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        await sampler_at(endpoint, options=options).sample(QUESTION, 1)
    assert endpoint.requests[0]["chat_template_kwargs"] == {"thinking": False}
    assert endpoint.requests[0]["top_k"] == 4


async def test_the_clients_own_options_are_no_part_of_the_body() -> None:
    options = {"extra_headers": {"X-Task": "1"}, "extra_query": {"a": "b"}, "timeout": 5.0}
    with Loopback(ScriptedSampler(numbered)) as endpoint:
        with pytest.raises(RequestRejected, match="under this URL"):  # the loopback knows none with a query
            await sampler_at(endpoint, options=options).sample(QUESTION, 1)
        await sampler_at(endpoint, options={"timeout": 5.0}).sample(QUESTION, 1)
    assert endpoint.requests[0].keys() == {"model", "messages", "max_tokens"}


@pytest.mark.parametrize("options", [{"n": 2}, {"stream": True}, {"seed": 1}, {"extra_body": {"max_tokens": 9}}])
async def test_options_that_only_the_sampler_may_set_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="cannot be set"):
        OpenAISampler("tiny", base_url="http://localhost:1/v1", options=options)
    with pytest.raises(RequestRejected, match="cannot be sent"):
        await OpenAISampler("tiny", base_url="http://localhost:1/v1").sample(
            SampleRequest(QUESTION.messages, max_tokens=8, options=options), 1
        )


@pytest.mark.parametrize(
    "request_",
    [
        SampleRequest((user("half a pair: \ud83d"),), max_tokens=8),
        SampleRequest((user("no JSON"),), max_tokens=8, options={"user": object()}),
    ],
)
async def test_what_cannot_be_encoded_is_refused_and_never_sent(request_: SampleRequest) -> None:
    with Loopback(ScriptedSampler(numbered)) as endpoint, pytest.raises(RequestRejected, match="cannot be sent"):
        await sampler_at(endpoint).sample(request_, 1)
    assert not endpoint.requests


@pytest.mark.parametrize(
    ("url", "given", "field"),
    [
        ("https://api.openai.com/v1", None, "max_completion_tokens"),
        ("https://eu.api.openai.com/v1/", None, "max_completion_tokens"),
        ("https://notapi.openai.com.example/v1", None, "max_tokens"),
        ("http://localhost:8000/v1", None, "max_tokens"),
        ("http://localhost:8000/v1", "max_completion_tokens", "max_completion_tokens"),
    ],
)
def test_output_is_capped_in_the_field_that_the_endpoint_reads(url: str, given: Any, field: str) -> None:
    sampler = OpenAISampler("tiny", base_url=url, api_key="sk-test", cap_field=given)
    body = sampler._arguments(QUESTION, 1, 0)["extra_body"]
    assert {name for name in body if name.startswith("max")} == {field}


async def test_conversations_survive_the_round_trip() -> None:
    conversation = (
        user("Add 2 and 2."),
        Message("assistant", "", (ToolCall("add", '{"a": 2, "b": 2}', "call_9"),)),
        Message("tool", "4", tool_call_id="call_9"),
        Message("assistant", "So the answer is"),
    )
    model = ScriptedSampler(["4"])
    with Loopback(model) as endpoint:
        await sampler_at(endpoint).sample(SampleRequest(conversation, max_tokens=8), 1)
    assert model.calls[0].request.messages == conversation


# --------------------------------------------------------------------------------------------- what comes back


async def test_a_sample_carries_its_finish_its_usage_and_its_logprob() -> None:
    usage = Usage(input_tokens=50, output_tokens=9, cached_input_tokens=40, reasoning_tokens=5)
    model = ScriptedSampler([Sample("four", "stop", usage=usage, logprob=-0.25)])
    with Loopback(model) as endpoint:
        batch = await sampler_at(endpoint, logprobs=True).sample(QUESTION, 1)
    (sample,) = batch.samples
    assert (sample.text, sample.finish_reason, sample.logprob) == ("four", "stop", -0.25)
    assert sample.usage == batch.usage == usage
    assert not batch.unaccounted


async def test_tool_calls_are_read() -> None:
    calls = (ToolCall("add", '{"a": 2}', "call_1"), ToolCall("add", '{"a": 2', "call_2"))
    with Loopback(ScriptedSampler([Sample("", "tool_calls", calls)])) as endpoint:
        (sample,) = (await sampler_at(endpoint).sample(QUESTION, 1)).samples
    assert sample.tool_calls == (calls[0], ToolCall("add", '{"a": 2', "call_2", valid=False))
    assert not sample.valid


async def test_an_endpoint_that_says_nothing_of_usage_leaves_every_sample_unaccounted() -> None:
    with Loopback(ScriptedSampler(numbered), faults=[Fault(null_usage=True)]) as endpoint:
        batch = await sampler_at(endpoint).sample(QUESTION, 3)
    assert (len(batch.samples), batch.unaccounted, batch.usage) == (3, 3, Usage())


# --------------------------------------------------------------------------------------------------- the bound


@pytest.mark.parametrize("text", ["What is 2 + 2?", "日本語のテキスト", "🙂🙂", "\ud83d"])
def test_the_bound_counts_bytes_of_text(text: str) -> None:
    sampler = OpenAISampler("tiny", base_url="http://localhost:1/v1", template_tokens=0)
    nothing = sampler.token_bound(SampleRequest((user(""),), max_tokens=8))
    bound = sampler.token_bound(SampleRequest((user(text),), max_tokens=8))
    assert bound - nothing == len(text.encode("utf-8", "surrogatepass"))


def test_the_bound_counts_everything_else_that_is_sent() -> None:
    sampler = OpenAISampler("tiny", base_url="http://localhost:1/v1")
    calling = Message("assistant", "", (ToolCall("add", '{"a": 2}', "call_1"),))
    tool = {"type": "function", "function": {"name": "add", "description": "Adds numbers."}}
    schema = {"response_format": {"type": "json_schema", "json_schema": {"name": "x" * 100}}}
    image = Message("user", "", raw={"role": "user", "content": [{"type": "text", "text": "y" * 200}]})
    plain = sampler.token_bound(QUESTION)

    def extra(request: SampleRequest) -> int:
        return sampler.token_bound(request) - plain

    assert extra(SampleRequest((*QUESTION.messages, calling), max_tokens=8)) >= len('add{"a": 2}call_1')
    assert extra(SampleRequest(QUESTION.messages, max_tokens=8, tools=(tool,))) >= len(json.dumps(tool))
    assert extra(SampleRequest(QUESTION.messages, max_tokens=8, options=schema)) >= len(json.dumps(schema))
    assert extra(SampleRequest((*QUESTION.messages, image), max_tokens=8)) >= 200


# -------------------------------------------------------------------------------------------------- construction


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(ConfigurationError, match="OPENAI_API_KEY"):
        OpenAISampler("gpt")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-from-the-environment\n")
    assert "api.openai.com" in repr(OpenAISampler("gpt"))


async def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with Loopback(ScriptedSampler(["4"])) as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.url + "/")
        assert (await OpenAISampler("scripted").sample(QUESTION, 1)).samples[0].text == "4"


@pytest.mark.parametrize("url", ["localhost:8000/v1", "ftp://localhost/v1", "http://", "http://[::1"])
def test_an_address_that_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        OpenAISampler("tiny", base_url=url)


@pytest.mark.parametrize("settings", [{"timeout": 0}, {"timeout": float("nan")}, {"api_key": "sk-…"}])
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        OpenAISampler("tiny", base_url="http://localhost:1/v1", **settings)


def test_a_model_without_a_name_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="name"):
        OpenAISampler(" ", base_url="http://localhost:1/v1")


def test_without_the_client_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(MissingExtraError, match=r"tts-agent\[openai\]"):
        importlib.reload(tts_agent.samplers.openai)
