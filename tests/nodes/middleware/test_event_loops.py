"""An asynchronous client belongs to one event loop, so synchronous agents use the other one."""

import asyncio
from typing import Any

import pytest
from langchain.agents.middleware import AgentMiddleware

from tests.nodes.middleware.agents import ASKED, agent, serving
from tts_agent.nodes import AdaptiveReasoning


@pytest.mark.parametrize("policy", ["single", "parallel"])
def test_a_synchronous_agent_never_needs_a_loop_of_its_own(policy: Any) -> None:
    with serving("it is 42") as endpoint:
        graph = agent(endpoint, AdaptiveReasoning(policy=policy, max_samples=3))

        async def within() -> Any:
            return graph.invoke(ASKED)

        for state in (graph.invoke(ASKED), asyncio.run(within()), asyncio.run(within()), graph.invoke(ASKED)):
            assert state["messages"][-1].content == "it is 42"


def test_naively_bridging_to_the_asynchronous_client_fails_inside_a_loop() -> None:
    """For comparison. Outside it works once: the second loop meets connections of the first, now closed."""

    class Naive(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            asked = request.model.ainvoke(request.messages)
            try:
                return asyncio.run(asked)
            finally:
                asked.close()

    with serving("it is 42") as endpoint:
        graph = agent(endpoint, Naive(), tools=[])

        async def within() -> Any:
            return graph.invoke(ASKED)

        with pytest.raises(RuntimeError, match="running event loop"):
            asyncio.run(within())
