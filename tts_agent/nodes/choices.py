"""Several completions of one request (`n`), whose prompt is paid once.

LangChain returns the first of them alone. The others are shown to callbacks, each without the model's name and with the
bill of the whole request, which whoever adds up usage would then count n times.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from langchain_core.callbacks import BaseCallbackHandler, BaseCallbackManager
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config

from tts_agent.nodes.replies import usage, usage_metadata
from tts_agent.sampling import Usage, split

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Several(Generic[T]):
    """What one request for several completions brought."""

    replies: tuple[T, ...]
    """In order. What a message says of its usage is its own: the whole prompt, and its share of the output."""
    bill: Usage | None
    """The whole request's; None when the provider did not say."""


class Choices(BaseCallbackHandler):
    """Hears what one call brings, before all other handlers do, and lets them count it once.

    Args:
        config: the call's. What is called in this context from now on is heard.
    """

    run_inline = True
    ignore_chat_model = ignore_chain = ignore_agent = ignore_retriever = ignore_retry = ignore_custom_event = True

    def __init__(self, config: RunnableConfig) -> None:
        self._heard: list[LLMResult] = []
        self.config: RunnableConfig = {**config, "callbacks": self._before(config.get("callbacks"))}
        """The config to make the call with."""
        var_child_runnable_config.set(self.config)

    def _before(self, others: Any) -> Any:
        if not isinstance(others, BaseCallbackManager):
            return [self, *(others or ())]
        manager = others.copy()
        for handlers in (manager.handlers, manager.inheritable_handlers):
            handlers.insert(0, self)
        return manager

    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        _count_once(response)
        self._heard.append(response)

    def beside(self, reply: AIMessage) -> Several[AIMessage]:
        """The reply that was returned, and what came with it. Alone where it is not as the model gave it."""
        heard = (result for result in self._heard if any(reply is message for message in _messages(result)[:1]))
        result = next(heard, None)
        return several(result, name=reply.name) if result else Several((reply,), usage(reply))


def several(result: LLMResult, name: str | None = None) -> Several[AIMessage]:
    """The messages of one request.

    Args:
        result: of one prompt.
        name: of whoever speaks.
    """
    _count_once(result)
    messages = _messages(result)
    said: dict[str, Any] = {"name": name}
    bills = [usage(message) for message in messages]
    if not _has_total(result) or len(messages) == 1:
        known = [bill for bill in bills if bill is not None]
        total = sum(known, Usage()) if len(known) == len(bills) else None
        return Several(tuple(message.model_copy(update=said) for message in messages), total)
    shares = split(bills[0] or Usage(), _weights(messages))
    owned = [said | {"usage_metadata": usage_metadata(share) if bills[0] else None} for share in shares]
    return Several(tuple(m.model_copy(update=own) for m, own in zip(messages, owned, strict=True)), bills[0])


def _count_once(result: LLMResult) -> None:
    """Put the request's bill on its first message alone, and what LangChain says of a single reply on each.

    Some callbacks look at the first message only, others add all up: so both see every token once.
    """
    if not _has_total(result):
        return
    about = {name: value for name, value in (result.llm_output or {}).items() if name != "token_usage"}
    for index, message in enumerate(_messages(result)):
        message.response_metadata = {**about, **message.response_metadata}
        if index:
            message.usage_metadata = None


def _has_total(result: LLMResult) -> bool:
    """Whether the provider reported usage for the request as a whole, as OpenAI and those who follow it do."""
    return isinstance((result.llm_output or {}).get("token_usage"), Mapping)


def _messages(result: LLMResult) -> list[AIMessage]:
    chats = (generation.message for generation in result.generations[0] if isinstance(generation, ChatGeneration))
    return [message for message in chats if isinstance(message, AIMessage)]


def _weights(messages: Sequence[AIMessage]) -> list[int]:
    """How the output is shared: by tokens where log-probabilities tell them, else by the length of what is said."""
    logprobs = [message.response_metadata.get("logprobs") for message in messages]
    tokens = [len(each.get("content") or ()) if isinstance(each, Mapping) else 0 for each in logprobs]
    return tokens if all(tokens) else [len(str(m.text)) + len(json.dumps(m.tool_calls)) for m in messages]
