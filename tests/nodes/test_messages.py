"""Turns keep the framework's object, and lose nothing on the way there and back."""

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage

from tts_agent.messages import Message, ToolCall, assistant, system, user
from tts_agent.nodes.messages import from_langchain, portable, to_langchain

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


@pytest.mark.parametrize(
    ("message", "role"),
    [
        (HumanMessage("x"), "user"),
        (AIMessage("x"), "assistant"),
        (SystemMessage("x"), "system"),
        (ToolMessage("x", tool_call_id="1"), "tool"),
        (ChatMessage(content="x", role="developer"), "system"),
        (ChatMessage(content="x", role="assistant"), "assistant"),
        (ChatMessage(content="x", role="critic"), "user"),
    ],
)
def test_every_kind_of_message_has_a_role_and_comes_back_as_the_same_object(message: BaseMessage, role: str) -> None:
    turn = from_langchain(message)
    assert (turn.role, turn.content) == (role, "x")
    assert to_langchain(turn) is message


def test_an_image_rides_along_with_its_text() -> None:
    question = HumanMessage([{"type": "text", "text": "what is this?"}, IMAGE])
    turn = from_langchain(question)
    assert turn.content == "what is this?"
    assert to_langchain(turn) is question


def test_for_other_models_an_image_goes_along_in_openai_format_and_plain_text_goes_alone() -> None:
    question = HumanMessage([{"type": "text", "text": "what is this?"}, IMAGE])
    assert portable(question).raw == {"role": "user", "content": [{"type": "text", "text": "what is this?"}, IMAGE]}
    assert portable(HumanMessage("hello")).raw is None


def test_turns_of_our_own_become_messages() -> None:
    turns = [system("be brief"), user("hi"), assistant("hello"), Message("tool", "3", tool_call_id="7")]
    assert [to_langchain(turn).type for turn in turns] == ["system", "human", "ai", "tool"]
    assert [to_langchain(turn).content for turn in turns] == ["be brief", "hi", "hello", "3"]


def test_tool_calls_go_both_ways_and_broken_ones_stay_broken() -> None:
    reply = AIMessage(
        "",
        tool_calls=[{"name": "add", "args": {"a": 1}, "id": "1"}],
        invalid_tool_calls=[{"name": "add", "args": '{"a":', "id": "2", "error": "cut off"}],
    )
    turn = from_langchain(reply)
    assert turn.tool_calls == (ToolCall("add", '{"a": 1}'), ToolCall("add", '{"a":', valid=False))
    back = to_langchain(Message("assistant", "", turn.tool_calls))
    assert isinstance(back, AIMessage)
    assert [call["args"] for call in back.tool_calls] == [{"a": 1}]
    assert [call["args"] for call in back.invalid_tool_calls] == ['{"a":']
