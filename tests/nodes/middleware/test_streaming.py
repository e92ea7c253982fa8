"""What is streamed of a step with several samples: the winner, once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pytest
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import AIMessageChunk

from tests.nodes.middleware.agents import ASKED, agent, proposes, serving
from tts_agent.nodes import METADATA_KEY, AdaptiveReasoning

PROPOSED = [proposes('{"a": 6, "b": 8}'), proposes('{"a": 6, "b": 7}'), proposes('{"a": 6, "b": 7}')]


def streamed(graph: Any, mode: Any, way: str = "sync") -> list[Any]:
    async def collect() -> list[Any]:
        return [chunk async for chunk in graph.astream(ASKED, stream_mode=mode)]

    return asyncio.run(collect()) if way == "async" else list(graph.stream(ASKED, stream_mode=mode))


@pytest.mark.parametrize("way", ["sync", "async"])
def test_only_the_winner_s_message_is_streamed(way: str) -> None:
    with serving(PROPOSED, "the answer is 42") as endpoint:
        graph = agent(endpoint, AdaptiveReasoning(policy="parallel", max_samples=3))
        chunks = streamed(graph, "messages", way)
    assert [message.type for message, _ in chunks] == ["ai", "tool", "ai"]
    assert chunks[0][0].tool_calls[0]["args"] == {"a": 6, "b": 7}
    assert not any("stream" in request and request["stream"] for request in endpoint.requests)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_naive_samples_all_leak_into_the_stream(way: str) -> None:
    """For comparison: contexts are copied, but nothing hides the samples."""

    class Naive(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            with ThreadPoolExecutor() as pool:
                calls = [pool.submit(copy_context().run, handler, request) for _ in range(3)]
            return calls[0].result()

        async def awrap_model_call(self, request: Any, handler: Any) -> Any:
            return (await asyncio.gather(*(handler(request) for _ in range(3))))[0]

    with serving("the answer is 42") as endpoint:
        chunks = streamed(agent(endpoint, Naive()), "messages", way)
    words = [message.content for message, _ in chunks if isinstance(message, AIMessageChunk)]
    assert words.count("answer ") == 3


async def test_events_of_samples_carry_a_tag_to_filter_by_and_are_no_stream() -> None:
    """`astream_events` shows every run, whatever its tags."""
    with serving("the answer is 42") as endpoint:
        graph = agent(endpoint, AdaptiveReasoning(policy="parallel", max_samples=3))
        events = [event async for event in graph.astream_events(ASKED, version="v2")]
    models = [event for event in events if event["event"].startswith("on_chat_model")]
    assert {event["event"] for event in models} == {"on_chat_model_start", "on_chat_model_end"}
    assert len(models) == 6
    assert all("nostream" in event["tags"] for event in models)


@pytest.mark.parametrize("way", ["sync", "async"])
def test_decisions_are_on_the_custom_stream(way: str) -> None:
    with serving(PROPOSED, "the answer is 42") as endpoint:
        graph = agent(endpoint, AdaptiveReasoning(policy="parallel", max_samples=3))
        first, second = (chunk[METADATA_KEY] for chunk in streamed(graph, "custom", way))
    assert (first["kind"], first["votes"], first["strategy"]) == ("user turn", [2, 1], "self_consistency")
    assert (second["kind"], second["votes"]) == ("tool results", [3])


def test_updates_have_one_message_a_step() -> None:
    with serving(PROPOSED, "the answer is 42") as endpoint:
        graph = agent(endpoint, AdaptiveReasoning(policy="parallel", max_samples=3))
        updates = streamed(graph, "updates")
    assert [list(update) for update in updates] == [["AdaptiveReasoning.before_agent"], ["model"], ["tools"], ["model"]]
    assert [len(update["model"]["messages"]) for update in updates if "model" in update] == [1, 1]
