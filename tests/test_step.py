"""A step of an agent."""

from typing import Any

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, ToolCall, assistant, system, user
from tts_agent.step import Step

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}


class Framework:
    """A message of some framework."""

    def __init__(self, content: Any) -> None:
        self.content = content


def riding(raw: Any) -> Message:
    return Message("user", " ", raw=raw)


@pytest.mark.parametrize(
    "messages",
    [
        (),
        (user(" \n"),),
        (system("Be brief."), user("")),
        (user("hi"), assistant("hello"), user(" ")),
        (riding(Framework(" ")),),
        (riding({"role": "user", "content": ""}),),
        (riding(Framework([])),),
        (system("Be brief."), riding(Framework([{"type": "text", "text": " "}]))),
    ],
)
def test_an_empty_question_is_refused_whatever_stands_before_it(messages: tuple[Message, ...]) -> None:
    with pytest.raises(ConfigurationError, match="the question is empty"):
        Step(messages)


@pytest.mark.parametrize(
    "messages",
    [
        (system("Say something."),),
        (assistant("So"),),
        (riding(Framework([IMAGE])),),
        (riding({"role": "user", "content": [{"type": "text", "text": ""}, IMAGE]}),),
        (riding(object()),),
        (user(""), Message("assistant", "", (ToolCall("add", "{}"),)), Message("tool", "3", tool_call_id="1")),
    ],
)
def test_what_is_not_empty_is_a_question(messages: tuple[Message, ...]) -> None:
    assert Step(messages).messages == messages


def test_its_text_is_the_last_user_turn_else_the_last_turn() -> None:
    assert Step((user("one"), assistant("two"), user("three"), Message("tool", "4"))).text == "three"
    assert Step((system("one"), assistant("two"))).text == "two"
