"""The ways people run agents."""

import asyncio
from collections.abc import Iterator
from contextvars import copy_context
from typing import Any

import pytest

from tests.nodes.middleware.agents import Run


@pytest.fixture(params=["sync", "async", "sync inside a running loop"])
def run(request: pytest.FixtureRequest) -> Iterator[Run]:
    """Invokes an agent in one of the ways people do. All of a test's runs share one event loop: a model's
    asynchronous client belongs to the first that it meets, with this middleware and without it."""
    with asyncio.Runner() as runner:

        def sync(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
            state: dict[str, Any] = graph.invoke(*arguments, **keywords)
            return state

        async def within(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
            return sync(graph, *arguments, **keywords)

        def inside(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
            return runner.run(within(graph, *arguments, **keywords), context=copy_context())

        def asynchronous(graph: Any, *arguments: Any, **keywords: Any) -> dict[str, Any]:
            state: dict[str, Any] = runner.run(graph.ainvoke(*arguments, **keywords), context=copy_context())
            return state

        yield {"sync": sync, "async": asynchronous}.get(request.param, inside)
