"""With one call outright, an agent is what it would be without the middleware: the golden comparison."""

import asyncio
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from pydantic import BaseModel

from tests.nodes.middleware.agents import ASKED, agent, multiply, proposes, serving
from tts_agent.nodes import METADATA_KEY, AdaptiveReasoning
from tts_agent.testing.loopback import Fault

SAID = (proposes('{"a": 6, "b": 7}', text="let me see"), "the answer is 42")
STREAMED = {"stream_usage": True}
"""What the middleware asks for itself: with a base_url of one's own, streams have no usage otherwise."""
Observe = Callable[[Any], Any]


class Told(BaseCallbackHandler):
    """Everything that callbacks are told about models and tools, without ids and times."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def on_chat_model_start(self, serialized: Any, messages: Any, **run: Any) -> None:
        said = [[plain(message) for message in prompt] for prompt in messages]
        metadata = {key: value for key, value in run["metadata"].items() if not volatile(key)}
        self.events.append(("model", run["name"], sorted(run["tags"]), metadata, said))

    def on_llm_new_token(self, token: Any, **_: Any) -> None:
        self.events.append(("token", token))

    def on_llm_end(self, response: Any, **_: Any) -> None:
        self.events.append(("reply", plain(response.generations[0][0].message)))

    def on_tool_start(self, serialized: Any, input_str: str, **_: Any) -> None:
        self.events.append(("tool", input_str))

    def on_tool_end(self, output: Any, **_: Any) -> None:
        self.events.append(("result", plain(output)))


def volatile(key: str) -> bool:
    """Whether it differs from run to run. Steps are counted with the one that begins a run."""
    return key in {"langgraph_checkpoint_ns", "checkpoint_ns", "langgraph_step", "langgraph_triggers", "ls_max_tokens"}


def plain(message: Any) -> Any:
    """A message without ids and without the record of the decision."""
    if not isinstance(message, BaseMessage):
        return message
    data = message.model_dump(exclude={"id"})
    metadata = data["response_metadata"]
    for key in (METADATA_KEY, "id"):
        metadata.pop(key, None)
    return data


def invoked(graph: Any) -> Any:
    told = Told()
    state = graph.invoke(ASKED, {"callbacks": [told]})
    return [plain(message) for message in state.pop("messages")], state, told.events


def ainvoked(graph: Any) -> Any:
    told = Told()
    state = asyncio.run(graph.ainvoke(ASKED, {"callbacks": [told]}))
    return [plain(message) for message in state.pop("messages")], state, told.events


def streamed(graph: Any) -> Any:
    told = Told()
    chunks = graph.stream(ASKED, {"callbacks": [told]}, stream_mode="messages")
    seen = [(plain(chunk), metadata["langgraph_node"], metadata.get("tags")) for chunk, metadata in chunks]
    return seen, told.events


def astreamed(graph: Any) -> Any:
    told = Told()

    async def collect() -> list[Any]:
        chunks = graph.astream(ASKED, {"callbacks": [told]}, stream_mode="messages")
        return [(plain(chunk), metadata["langgraph_node"]) async for chunk, metadata in chunks]

    return asyncio.run(collect()), told.events


def events(graph: Any) -> Any:
    async def collect() -> list[Any]:
        found = graph.astream_events(ASKED, version="v2")
        return [
            (event["event"], event["name"], sorted(event["tags"]), plain(event["data"].get("chunk")))
            async for event in found
            if event["event"].startswith(("on_chat_model", "on_tool"))
        ]

    return asyncio.run(collect())


def updated(graph: Any) -> Any:
    """The updates of nodes; that a run begins is the middleware's own, and private."""
    return [
        {node: [plain(message) for message in (update or {}).get("messages", ())] for node, update in chunk.items()}
        for chunk in graph.stream(ASKED, stream_mode="updates")
        if set(chunk) != {"AdaptiveReasoning.before_agent"}
    ]


@pytest.mark.parametrize("observe", [invoked, ainvoked, streamed, astreamed, events, updated])
def test_messages_streams_callbacks_and_state_are_the_bare_agent_s(observe: Observe) -> None:
    def seen(*middleware: Any) -> tuple[Any, Any]:
        with serving(*SAID) as endpoint:
            return observe(agent(endpoint, *middleware, fields=STREAMED)), endpoint.requests

    assert seen(AdaptiveReasoning(policy="single")) == seen()


@pytest.mark.parametrize("observe", [streamed, astreamed])
def test_tokens_arrive_live(observe: Observe) -> None:
    with serving(*SAID) as endpoint:
        chunks, _ = observe(agent(endpoint, AdaptiveReasoning(policy="single", budget=10_000)))
    words = [chunk[0]["content"] for chunk in chunks if chunk[1] == "model"]
    assert {"the ", "answer ", "is ", "42"} <= set(words)
    assert all(request["stream"] for request in endpoint.requests)


def test_a_stream_is_billed_by_its_usage() -> None:
    """With a base_url, ChatOpenAI does not ask for it, and the whole reservation would be charged."""
    with serving(*SAID) as endpoint:
        bare = list(agent(endpoint).stream(ASKED, stream_mode="messages"))
        assert not any(getattr(chunk, "usage_metadata", None) for chunk, _ in bare)
        ours = agent(endpoint, AdaptiveReasoning(policy="single", budget=10_000))
        found = list(ours.stream(ASKED, stream_mode=["messages", "custom"]))
    records = [chunk[METADATA_KEY] for mode, chunk in found if mode == "custom"]
    assert [record["tokens"] for record in records] == [13, 18]
    assert endpoint.requests[-1]["stream_options"] == {"include_usage": True}


def test_without_a_budget_no_cap_is_set_and_with_one_it_is() -> None:
    with serving(*SAID) as endpoint:
        agent(endpoint, AdaptiveReasoning(policy="single")).invoke(ASKED)
        agent(endpoint, AdaptiveReasoning(policy="single", budget=9_000)).invoke(ASKED)
        agent(endpoint, AdaptiveReasoning(policy="single", budget=9_000), fields={"max_tokens": 300}).invoke(ASKED)
    caps = [request.get("max_completion_tokens") for request in endpoint.requests]
    assert caps == [None, None, 4096, 4096, 300, 300]


def test_structured_output_is_the_bare_agent_s() -> None:
    class Answer(BaseModel):
        number: int

    def seen(*middleware: Any) -> Any:
        with serving(proposes('{"number": 42}', "Answer")) as endpoint:
            return invoked(agent(endpoint, *middleware, response_format=Answer))

    assert seen(AdaptiveReasoning(policy="single")) == seen()


def test_interrupts_are_the_bare_agent_s() -> None:
    def seen(*middleware: Any) -> Any:
        asks = HumanInTheLoopMiddleware(interrupt_on={"multiply": True})
        thread: Any = {"configurable": {"thread_id": "1"}}
        with serving(*SAID) as endpoint:
            graph = agent(endpoint, asks, *middleware, checkpointer=InMemorySaver())
            (asking,) = graph.invoke(ASKED, thread)["__interrupt__"]
            state = graph.invoke(Command(resume={"decisions": [{"type": "approve"}]}), thread)
        return asking.value, [plain(message) for message in state["messages"]], len(endpoint.requests)

    assert seen(AdaptiveReasoning(policy="single")) == seen()


def test_errors_are_the_bare_agent_s() -> None:
    def seen(*middleware: Any) -> Any:
        with (
            serving(*SAID, faults=itertools.repeat(Fault(status=400, message="too long"))) as endpoint,
            pytest.raises(Exception, match="too long") as error,
        ):
            agent(endpoint, *middleware).invoke(ASKED)
        return type(error.value), str(error.value), len(endpoint.requests)

    assert seen(AdaptiveReasoning(policy="single")) == seen()


def test_tools_are_the_ones_that_were_given() -> None:
    with serving(*SAID) as endpoint:
        agent(endpoint, AdaptiveReasoning(policy="single"), tools=[multiply]).invoke(ASKED)
    assert [each["function"]["name"] for each in endpoint.requests[0]["tools"]] == ["multiply"]
