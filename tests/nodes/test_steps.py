"""The state of a graph as a step, whatever shape the state has."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from pydantic import BaseModel

from tts_agent import ConfigurationError, answers
from tts_agent.nodes.messages import from_langchain
from tts_agent.nodes.steps import StepMaker


def maker(**fields: Any) -> StepMaker:
    settings: dict[str, Any] = {
        "messages_key": "messages",
        "prompt": None,
        "kind": "default",
        "answer_key": answers.auto,
        "max_tokens": 100,
        "temperature": None,
        "seed": None,
        "final": False,
        "tools": (),
        "turn": from_langchain,
    }
    return StepMaker(**settings | fields)


class Model(BaseModel):
    messages: list[AnyMessage]


@dataclass
class Data:
    messages: list[Any] = field(default_factory=list)


@pytest.mark.parametrize(
    "state",
    [
        {"messages": [HumanMessage("hi")]},
        {"messages": [("user", "hi")]},
        {"messages": [{"role": "user", "content": "hi"}]},
        {"messages": "hi"},
        {"messages": HumanMessage("hi")},
        Model(messages=[HumanMessage("hi")]),
        Data([HumanMessage("hi")]),
    ],
)
def test_the_conversation_is_read_from_any_kind_of_state(state: Any) -> None:
    (turn,) = maker()(state).messages
    assert (turn.role, turn.content) == ("user", "hi")


def test_a_prompt_goes_before_the_conversation_or_makes_it() -> None:
    state = {"messages": [HumanMessage("hi")], "topic": "birds"}
    assert [turn.content for turn in maker(prompt="be brief")(state).messages] == ["be brief", "hi"]
    made = maker(prompt=lambda state: [("user", f"tell me about {state['topic']}")])(state)
    assert [turn.content for turn in made.messages] == ["tell me about birds"]


def test_the_class_of_step_may_depend_on_the_state() -> None:
    by_length = maker(kind=lambda state: "first" if len(state["messages"]) == 1 else "later")
    assert by_length({"messages": [("user", "hi")]}).kind == "first"
    assert by_length({"messages": [("user", "hi"), ("ai", "hello"), ("user", "bye")]}).kind == "later"
    assert maker(kind="plan")({"messages": "hi"}).kind == "plan"


@pytest.mark.parametrize("state", [{"chat": [], "memory": 1}, Data.__new__(Data)])
def test_a_state_without_the_conversation_says_what_it_has(state: Any) -> None:
    with pytest.raises(ConfigurationError, match="the state has no 'messages' but"):
        maker()(state)


@pytest.mark.parametrize("messages", [[], "", [HumanMessage("")], [HumanMessage(" \n")]])
def test_an_empty_conversation_is_refused(messages: Any) -> None:
    for prompt in (None, "be brief"):
        with pytest.raises(ConfigurationError, match="under 'messages' are empty"):
            maker(prompt=prompt)({"messages": messages})
    with pytest.raises(ConfigurationError, match=r"prompt\(\) made are empty"):
        maker(prompt=lambda _: messages)({"messages": "hi"})


@pytest.mark.parametrize(
    "wrong",
    [{"messages_key": ""}, {"messages_key": None}, {"max_tokens": 0}, {"kind": 3}, {"prompt": 3}, {"answer_key": "x"}],
)
def test_a_wrong_setting_is_refused_before_anything_runs(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        maker(**wrong)
