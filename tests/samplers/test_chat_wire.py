"""Replies have many shapes; each part is read where it is right and left out where it is not."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.messages import Message, ToolCall
from tts_agent.samplers.chat_wire import message_to_wire, read_reply
from tts_agent.sampling import Sample, Usage


def choice(content: Any = "4", finish: Any = "stop", tokens: int = 0, **message: Any) -> dict[str, Any]:
    logprobs = {"content": [{"token": "x", "logprob": -0.5}] * tokens} if tokens else None
    return {"message": {"content": content, **message}, "finish_reason": finish, "logprobs": logprobs}


def read(*choices: Any, **usage: Any) -> tuple[tuple[Sample, ...], Usage | None]:
    reply = read_reply(json.dumps({"choices": choices, "usage": usage or None}))
    return reply.samples, reply.usage


def outputs(samples: tuple[Sample, ...]) -> list[int]:
    return [sample.usage.output_tokens for sample in samples]


def test_details_of_usage_are_read() -> None:
    (sample,), usage = read(
        choice(),
        prompt_tokens=30,
        completion_tokens=10,
        total_tokens=40,
        prompt_tokens_details={"cached_tokens": 20},
        completion_tokens_details={"reasoning_tokens": 8},
    )
    assert usage == sample.usage == Usage(30, 10, 20, 8)


@pytest.mark.parametrize("details", [{}, {"prompt_tokens_details": None}, {"completion_tokens_details": "none"}])
def test_details_of_usage_may_be_missing(details: dict[str, Any]) -> None:
    assert read(choice(), prompt_tokens=3, completion_tokens=1, **details)[1] == Usage(3, 1)


@pytest.mark.parametrize(
    "usage", [{}, {"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": "3"}, {"prompt_tokens": -1}]
)
def test_a_usage_that_counts_nothing_is_unknown(usage: dict[str, Any]) -> None:
    assert read(choice(), **usage)[1] is None


def test_output_that_only_the_total_counts_is_counted() -> None:
    assert read(choice(), prompt_tokens=10, completion_tokens=5, total_tokens=100)[1] == Usage(10, 90)


def test_one_bill_is_shared_by_tokens_where_they_are_known() -> None:
    samples, _ = read(choice("long text", tokens=2), choice("x", tokens=7), prompt_tokens=5, completion_tokens=9)
    assert outputs(samples) == [2, 7]
    assert [sample.usage.input_tokens for sample in samples] == [5, 5]


def test_one_bill_is_shared_by_length_where_tokens_are_unknown() -> None:
    call = {"function": {"name": "add", "arguments": "{}"}}
    samples, _ = read(choice("a" * 30), choice("b" * 10), prompt_tokens=5, completion_tokens=8)
    assert outputs(samples) == [6, 2]
    samples, _ = read(choice(""), choice(None, tool_calls=[call]), prompt_tokens=5, completion_tokens=8)
    assert outputs(samples) == [0, 8]


def test_one_bill_is_shared_evenly_where_nothing_was_said() -> None:
    samples, _ = read(choice("", "length"), choice("", "length"), prompt_tokens=5, completion_tokens=9)
    assert sorted(outputs(samples)) == [4, 5]


@settings(max_examples=40)
@given(
    texts=st.lists(st.text(max_size=20), min_size=1, max_size=6),
    total=st.integers(1, 500),
    hidden=st.integers(0, 500),
)
def test_shares_add_up_to_the_bill(texts: list[str], total: int, hidden: int) -> None:
    details = {"reasoning_tokens": min(hidden, total)}
    samples, usage = read(
        *map(choice, texts), prompt_tokens=9, completion_tokens=total, completion_tokens_details=details
    )
    assert usage is not None
    assert sum(outputs(samples)) == usage.output_tokens
    assert sum(sample.usage.reasoning_tokens for sample in samples) == usage.reasoning_tokens
    assert all(0 <= sample.usage.reasoning_tokens <= sample.usage.output_tokens for sample in samples)


def test_the_logprob_is_the_mean_over_tokens() -> None:
    one = choice()
    one["logprobs"] = {"content": [{"logprob": -1.0}, {"logprob": -3.0}, {"token": "?"}]}
    (sample,), _ = read(one)
    assert sample.logprob == -2.0
    assert read(choice())[0][0].logprob is None


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("tool_calls", "tool_calls"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("eos", "unknown"),
        (None, "unknown"),
    ],
)
def test_finish_reasons_are_translated(wire: Any, reason: str) -> None:
    assert read(choice(finish=wire))[0][0].finish_reason == reason


def test_content_may_come_in_parts() -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "4"}, {"type": "text", "text": "2"}]
    assert read(choice(parts))[0][0].text == "42"


def test_a_refusal_is_shown_and_does_not_vote() -> None:
    (sample,), _ = read(choice(None, refusal="I cannot help with that."))
    assert (sample.text, sample.finish_reason, sample.valid) == ("I cannot help with that.", "content_filter", False)


@pytest.mark.parametrize(
    ("function", "call"),
    [
        ({"name": "f", "arguments": '{"a": 1}'}, ToolCall("f", '{"a": 1}')),
        ({"name": "f", "arguments": ""}, ToolCall("f", "")),
        ({"name": "f", "arguments": None}, ToolCall("f", "")),
        ({"name": "f", "arguments": {"a": 1}}, ToolCall("f", '{"a": 1}')),
        ({"name": "f", "arguments": '{"a": '}, ToolCall("f", '{"a": ', valid=False)),
        ({"name": "f", "arguments": "[1]"}, ToolCall("f", "[1]", valid=False)),
        (None, ToolCall("None", "", valid=False)),
    ],
)
def test_a_tool_call_is_valid_when_it_has_a_name_and_arguments_in_json(function: Any, call: ToolCall) -> None:
    ((found,),) = (read(choice(None, tool_calls=[{"id": "call_1", "function": function}]))[0][0].tool_calls,)
    assert found == call
    assert found.id == "call_1"


def test_a_sample_keeps_the_endpoints_own_message() -> None:
    (sample,), _ = read(choice("4", reasoning_content="2 + 2"))
    assert sample.raw["reasoning_content"] == "2 + 2"


def test_choices_of_the_wrong_shape_are_empty_samples() -> None:
    samples, _ = read(None, {"message": "4"}, {"message": {"content": 4}})
    assert [(sample.text, sample.valid) for sample in samples] == [("", False)] * 3


def test_a_raw_mapping_goes_out_unchanged() -> None:
    raw = {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}
    assert message_to_wire(Message("user", "an image", raw=raw)) == raw
    assert message_to_wire(Message("user", "hello", raw=object())) == {"role": "user", "content": "hello"}


def test_tool_calls_without_an_id_are_given_one() -> None:
    wire = message_to_wire(Message("assistant", "", (ToolCall("f", "{}"), ToolCall("g", "{}", "mine"))))
    assert wire["content"] is None
    assert [call["id"] for call in wire["tool_calls"]] == ["call_0", "mine"]
