"""Agents on a real client of a scripted endpoint, and the ways people run them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

from tests.nodes.models import openai_model
from tts_agent.messages import ToolCall
from tts_agent.nodes import METADATA_KEY
from tts_agent.sampling import Sample, SampleRequest
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import Reply, ScriptedSampler

ASKED = {"messages": [HumanMessage("What is 6 times 7?")]}
Run = Callable[..., dict[str, Any]]


@tool
def multiply(a: int, b: int) -> int:
    """Multiply two numbers."""
    return a * b


def proposes(arguments: str, name: str = "multiply", text: str = "") -> Sample:
    """A reply that calls a tool."""
    return Sample(text, "tool_calls", (ToolCall(name, arguments),))


def turns(*replies: Sequence[Reply] | Reply) -> Callable[[SampleRequest, int], Reply]:
    """A script: what is said after so many results of tools; of several replies each is said once, in order."""
    said = [iter(reply) if isinstance(reply, list | tuple) else None for reply in replies]

    def script(request: SampleRequest, index: int) -> Reply:
        turn = sum(message.role == "tool" for message in request.messages)
        several, one = said[turn], replies[turn]
        return next(several) if several is not None else one  # type: ignore[return-value]

    return script


@contextmanager
def serving(*replies: Sequence[Reply] | Reply, **settings: Any) -> Iterator[Loopback]:
    """An endpoint that answers by `turns`."""
    with Loopback(ScriptedSampler(turns(*replies)), **settings) as endpoint:
        yield endpoint


def client(endpoint: Loopback, **fields: Any) -> ChatOpenAI:
    """A client of the endpoint."""
    return openai_model(endpoint, **fields)


def agent(endpoint: Loopback, *middleware: Any, tools: Sequence[Any] = (multiply,), **settings: Any) -> Any:
    """An agent with a client of the endpoint."""
    model = client(endpoint, **settings.pop("fields", {}))
    return create_agent(model, list(tools), middleware=list(middleware), **settings)


def decided(state: dict[str, Any], turn: int = -1) -> dict[str, Any]:
    """The record of a step in the message that it came to."""
    record: dict[str, Any] = state["messages"][turn].response_metadata[METADATA_KEY]
    return record
