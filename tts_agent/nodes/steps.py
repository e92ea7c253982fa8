"""The state of a graph as a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage, SystemMessage, convert_to_messages

from tts_agent.answers import AnswerKey
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message
from tts_agent.nodes.budgets import checked
from tts_agent.step import Step


@dataclass(frozen=True, kw_only=True)
class StepMaker:
    """Makes the step that a state asks for. The fields are arguments of `adaptive_node`.

    Raises:
        ConfigurationError: a field is wrong.
    """

    messages_key: str
    prompt: str | Callable[[Any], Any] | None
    kind: str | Callable[[Any], str]
    answer_key: AnswerKey
    max_tokens: int
    temperature: float | None
    seed: int | None
    final: bool
    tools: tuple[Mapping[str, Any], ...]
    turn: Callable[[BaseMessage], Message]
    """How a message becomes a turn; depends on the kind of model."""

    def __post_init__(self) -> None:
        checked(self.max_tokens, "max_tokens")
        if not self.messages_key or not isinstance(self.messages_key, str):
            raise ConfigurationError(f"messages_key is {self.messages_key!r}: name a key of the state")
        for name, value, is_text in (
            ("prompt", self.prompt, self.prompt is None or isinstance(self.prompt, str)),
            ("kind", self.kind, isinstance(self.kind, str)),
            ("answer_key", self.answer_key, False),
        ):
            if not (is_text or callable(value)):
                raise ConfigurationError(f"{name} is {value!r}: that is neither text nor a function")

    def __call__(self, state: Any) -> Step:
        """The step.

        Raises:
            ConfigurationError: the state has no conversation, or an empty one.
        """
        messages = _converted(self.prompt(state) if callable(self.prompt) else _read(state, self.messages_key))
        if not any(map(_says_something, messages)):
            where = "that prompt() made" if callable(self.prompt) else f"under {self.messages_key!r}"
            raise ConfigurationError(f"the messages {where} are empty: there is nothing to answer")
        if isinstance(self.prompt, str) and self.prompt:
            messages = [SystemMessage(self.prompt), *messages]
        return Step(
            tuple(map(self.turn, messages)),
            max_tokens=self.max_tokens,
            kind=self.kind if isinstance(self.kind, str) else self.kind(state),
            temperature=self.temperature,
            seed=self.seed,
            tools=self.tools,
            answer_key=self.answer_key,
            final=self.final,
        )


def _read(state: Any, key: str) -> Any:
    try:
        return state[key] if isinstance(state, Mapping) else getattr(state, key)
    except (KeyError, AttributeError):
        known = sorted(state) if isinstance(state, Mapping) else sorted(getattr(state, "__dict__", ()))
        raise ConfigurationError(
            f"the state has no {key!r} but {', '.join(map(repr, known)) or 'nothing'}: "
            "say with messages_key= where the conversation is"
        ) from None


def _converted(messages: Any) -> list[BaseMessage]:
    """As chat models do: a text, one message, or a list of messages, role-and-text pairs or dicts."""
    return convert_to_messages([messages] if isinstance(messages, str | BaseMessage) else messages)


def _says_something(message: BaseMessage) -> bool:
    content = message.content
    return bool(content.strip() if isinstance(content, str) else content)
