"""What a response's input becomes in a chat completion."""

from __future__ import annotations

from typing import Any

import pytest

from tts_agent.server.refusal import Refusal
from tts_agent.server.response_items import messages_of

TEXT = {"type": "input_text", "text": "What is this?"}


def test_a_text_is_a_message_of_the_user() -> None:
    assert messages_of("Hi") == [{"role": "user", "content": "Hi"}]


def test_parts_that_are_all_text_become_one_text() -> None:
    said = {"role": "assistant", "type": "message", "content": [{"type": "output_text", "text": "It is 4."}]}
    assert messages_of([said]) == [{"role": "assistant", "content": "It is 4."}]


def test_images_files_and_sounds_keep_their_content() -> None:
    parts: list[dict[str, Any]] = [
        TEXT,
        {"type": "input_image", "image_url": "data:image/png;base64,AA==", "detail": "low"},
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:,x"},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
    ]
    assert messages_of([{"role": "user", "content": parts}])[0]["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:,x"}},
        {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
    ]


def test_calls_made_together_are_one_message_with_the_text_before_them() -> None:
    def call(identity: str) -> dict[str, Any]:
        return {"type": "function_call", "call_id": identity, "name": "add", "arguments": "{}"}

    def result(identity: str) -> dict[str, Any]:
        return {"type": "function_call_output", "call_id": identity, "output": [{"type": "input_text", "text": "3"}]}

    said = {"role": "assistant", "content": "I add."}
    messages = messages_of([{"role": "user", "content": "?"}, said, call("a"), call("b"), result("a"), result("b")])
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool"]
    assert messages[1]["content"] == "I add."
    assert [one["id"] for one in messages[1]["tool_calls"]] == ["a", "b"]
    assert messages[3] == {"role": "tool", "tool_call_id": "b", "content": "3"}


def test_the_text_of_reasoning_goes_back_with_the_message_after_it() -> None:
    def thought(*texts: str) -> dict[str, Any]:
        return {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": t} for t in texts]}

    call = {"type": "function_call", "call_id": "a", "name": "add", "arguments": "{}"}
    said = {"role": "assistant", "content": "I add."}
    assert messages_of([thought("So ", "I add."), said, thought(" Now."), call]) == [
        {
            "role": "assistant",
            "content": "I add.",
            "reasoning_content": "So I add. Now.",
            "tool_calls": [{"id": "a", "type": "function", "function": {"name": "add", "arguments": "{}"}}],
        }
    ]


def test_reasoning_that_is_encrypted_or_before_no_message_is_left_out() -> None:
    sealed = {
        "type": "reasoning",
        "id": "r",
        "encrypted_content": "x",
        "summary": [{"type": "summary_text", "text": "s"}],
    }
    open_thought = {"type": "reasoning", "content": [{"type": "reasoning_text", "text": "Hm."}]}
    for item in (sealed, open_thought):
        assert messages_of([item, {"role": "user", "content": "?"}]) == [{"role": "user", "content": "?"}]


def test_what_is_kept_elsewhere_is_asked_for_itself() -> None:
    with pytest.raises(Refusal, match="give its content itself"):
        messages_of([{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}])
