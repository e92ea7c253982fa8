"""Chat models that do what a test tells them to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_openai import ChatOpenAI
from pydantic import Field, PrivateAttr, SecretStr

from tts_agent.testing.loopback import Loopback

KEY = "sk-secret"


def openai_model(endpoint: Loopback, **fields: Any) -> ChatOpenAI:
    """A real client of a `ScriptedSampler`'s endpoint, which leaves no connections behind in event loops that end."""
    closing = {"default_headers": {"Connection": "close"}}
    return ChatOpenAI(model="scripted", base_url=endpoint.url, api_key=SecretStr(KEY), **(closing | fields))


def message(text: str = "", prompt: int = 10, output: int = 5, **fields: Any) -> AIMessage:
    """A reply with its usage."""
    usage = {"input_tokens": prompt, "output_tokens": output, "total_tokens": prompt + output}
    return AIMessage(text, usage_metadata=usage, **fields)


class ScriptedModel(BaseChatModel):
    """Says what `script` returns for the number of the call, counted from 0, or raises what it raises."""

    script: Callable[[int], AIMessage]
    max_tokens: int | None = None
    temperature: float | None = None
    calls: list[dict[str, Any]] = Field(default_factory=list)
    """What each call was made with. Copies of the model share the list."""
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with self._lock:
            number = len(self.calls)
            settings = {"max_tokens": self.max_tokens, "temperature": self.temperature, "stop": stop}
            self.calls.append({"messages": messages, **settings, **kwargs})
        return ChatResult(generations=[ChatGeneration(message=self.script(number))])

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        return self.bind(tools=list(tools), **kwargs)

    @property
    def _llm_type(self) -> str:
        return "scripted"


class StreamingModel(GenericFakeChatModel):
    """Streams word by word whenever somebody listens."""

    max_tokens: int | None = None


class WrappingModel(ScriptedModel):
    """Asks a further model, without handing its config on."""

    inner: BaseChatModel

    def _generate(self, messages: list[BaseMessage], *arguments: Any, **keywords: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.inner.invoke(messages))])
