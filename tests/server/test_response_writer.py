"""What a response is made of, chunk by chunk."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from tts_agent.server.refusal import Refusal
from tts_agent.server.response_writer import ResponseWriter

EVENT: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def chunk(delta: dict[str, Any], **choice: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, **choice}]}


def call(index: int, identity: str | None = None, name: str | None = None, arguments: str = "") -> dict[str, Any]:
    return chunk({"tool_calls": [{"index": index, "id": identity, "function": {"name": name, "arguments": arguments}}]})


def events(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(one.partition("data: ")[2]) for one in text.decode().split("\n\n") if one]


def written(*pieces: dict[str, Any]) -> list[dict[str, Any]]:
    writer = ResponseWriter({"model": "m"})
    return events(b"".join(map(writer.piece, pieces)) + writer.end())


def output(*pieces: dict[str, Any]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = written(*pieces)[-1]["response"]["output"]
    return items


def test_reasoning_text_and_calls_are_items_in_the_order_they_came() -> None:
    items = output(
        chunk({"role": "assistant", "reasoning_content": "Let me"}),
        chunk({"reasoning_content": " see."}),
        chunk({"content": "I add."}),
        call(0, "a", "add", '{"x"'),
        call(0, None, None, ": 1}"),
        call(1, "b", "sub"),
    )
    assert [item["type"] for item in items] == ["reasoning", "message", "function_call", "function_call"]
    assert items[0]["content"] == [{"type": "reasoning_text", "text": "Let me see."}]
    assert [(item["call_id"], item["name"], item["arguments"]) for item in items[2:]] == [
        ("a", "add", '{"x": 1}'),
        ("b", "sub", ""),
    ]


def test_a_refusal_is_no_text() -> None:
    (item,) = output(chunk({"refusal": "I will not."}))
    assert item["content"] == [{"type": "refusal", "refusal": "I will not."}]


def test_log_probabilities_come_with_the_text_they_are_of() -> None:
    token = {"token": "4", "logprob": -0.1, "bytes": [52], "top_logprobs": []}
    (item,) = output(chunk({"content": "4"}, logprobs={"content": [token]}))
    assert item["content"][0]["logprobs"] == [token]


def test_calls_without_an_index_or_with_the_same_id_stay_apart() -> None:
    several = [{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}, {"id": "b", "function": {"name": "f"}}]
    items = output(chunk({"tool_calls": several}), call(1, "b", "g"))
    assert [(item["name"], item["arguments"]) for item in items] == [("f", '{"x": 1}'), ("f", ""), ("g", "")]
    assert len({item["call_id"] for item in items}) == 3


def test_pieces_of_calls_in_a_mix_are_a_failure_and_no_wrong_call() -> None:
    with pytest.raises(Refusal):
        output(call(0, "a", "add", "{"), call(1, "b", "add", "{"), call(0, None, None, "}"))


def test_a_stream_that_broke_is_an_error_for_whoever_reads_on() -> None:
    writer = ResponseWriter({"model": "m"})
    began = events(writer.piece(chunk({"content": "It is"})))
    ended = events(writer.broken({"error": {"message": "the upstream failed", "code": "upstream_failed"}}))
    assert [one["type"] for one in ended] == ["error", "response.failed"]
    assert ended[-1]["sequence_number"] == len(began) + 1
    assert ended[-1]["response"]["error"] == {"code": "server_error", "message": "the upstream failed"}
    assert not ended[-1]["response"]["output"]


DELTA = st.fixed_dictionaries(
    {},
    optional={
        "content": st.text(max_size=3),
        "reasoning": st.text(max_size=3),
        "refusal": st.text(max_size=3),
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {"function": st.fixed_dictionaries({"name": st.just("f"), "arguments": st.text(max_size=3)})},
                optional={"id": st.sampled_from(["a", "b"]), "index": st.integers(0, 2)},
            ),
            max_size=3,
        ),
    },
)


@settings(max_examples=40)
@given(st.lists(DELTA, max_size=6))
def test_the_clients_own_reader_takes_every_stream_and_ends_with_what_it_read(deltas: list[dict[str, Any]]) -> None:
    state: Any = ResponseStreamState(input_tools=openai.omit, text_format=openai.omit)
    said = written(*map(chunk, deltas))
    for event in said:
        state.handle_event(EVENT.validate_python(event))
    final = state._completed_response
    assert final.output_text == "".join(delta.get("content", "") for delta in deltas)
    assert [item.id for item in final.output] == [
        one["item"]["id"] for one in said if one["type"] == "response.output_item.done"
    ]
