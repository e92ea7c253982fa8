"""What `create_agent` builds is looked at while it builds, and only then."""

from collections.abc import Iterator
from typing import Any

import pytest
from deepagents import create_deep_agent
from langchain.agents import create_agent
from langchain.agents.middleware import AgentMiddleware, ModelRetryMiddleware
from langchain_core.language_models import FakeListChatModel

from tests.nodes.middleware.agents import ASKED, Run, client, decided, serving
from tts_agent import ConfigurationError
from tts_agent.nodes import AdaptiveReasoning
from tts_agent.nodes.middleware import blueprint
from tts_agent.testing.loopback import Loopback


class Wrapping(AgentMiddleware[Any, Any, Any]):
    """Wraps model calls, asynchronous ones alone."""

    async def awrap_model_call(self, request: Any, handler: Any) -> Any:
        return await handler(request)


class Watching(AgentMiddleware[Any, Any, Any]):
    """Wraps nothing."""

    def after_model(self, state: Any, runtime: Any) -> None:
        return None


@pytest.fixture
def endpoint() -> Iterator[Loopback]:
    with serving("it is 42") as endpoint:
        yield endpoint


@pytest.fixture
def another_release(monkeypatch: pytest.MonkeyPatch) -> None:
    """A LangChain that builds agents elsewhere."""
    monkeypatch.setattr(blueprint, "FACTORY", ("langchain.agents.builder", "create_agent"))


@pytest.mark.parametrize("behind", [Wrapping(), ModelRetryMiddleware()])
def test_no_agent_is_built_with_something_behind_that_wraps_model_calls(endpoint: Loopback, behind: Any) -> None:
    with pytest.raises(ConfigurationError, match="AdaptiveReasoning must come last"):
        create_agent(client(endpoint), middleware=[AdaptiveReasoning(), behind])


def test_what_comes_before_or_wraps_no_model_calls_is_nobody_s_business(endpoint: Loopback) -> None:
    middleware: list[Any] = [ModelRetryMiddleware(), AdaptiveReasoning(), Watching()]
    built: Any = create_agent(client(endpoint), middleware=middleware)
    assert decided(built.invoke(ASKED))["samples"] >= 1


def test_whoever_says_that_it_does_no_harm_may_put_it_behind(endpoint: Loopback) -> None:
    create_agent(client(endpoint), middleware=[AdaptiveReasoning(innermost=False), Wrapping()])


def test_no_agent_is_built_around_a_model_whose_output_cannot_be_capped() -> None:
    model = FakeListChatModel(responses=["never asked"])
    with pytest.raises(ConfigurationError, match=r"FakeListChatModel has none of the fields .* max_tokens_field="):
        create_agent(model, middleware=[AdaptiveReasoning()])
    create_agent(model, middleware=[AdaptiveReasoning(max_tokens_field="most")])


def test_deep_agents_are_looked_at_too(endpoint: Loopback) -> None:
    model = client(endpoint)
    with pytest.raises(ConfigurationError, match="AdaptiveReasoning must come last"):
        create_deep_agent(model, middleware=[AdaptiveReasoning()])
    create_deep_agent(model, middleware=[AdaptiveReasoning(innermost=False)])
    with pytest.raises(ConfigurationError, match="max_tokens_field="):
        create_deep_agent(FakeListChatModel(responses=[""]), middleware=[AdaptiveReasoning(innermost=False)])


def test_asked_by_anybody_else_it_only_says_its_name() -> None:
    def create_agent(model: Any, middleware: Any) -> set[str]:  # the name alone does not make it LangChain's
        return {each.name for each in middleware}

    names = create_agent(FakeListChatModel(responses=[]), [AdaptiveReasoning(), Wrapping()])
    assert names == {"AdaptiveReasoning", "Wrapping"}


@pytest.mark.usefixtures("another_release")
def test_where_nothing_can_be_seen_the_first_call_refuses(run: Run, endpoint: Loopback) -> None:
    both = Wrapping if run.__name__ == "asynchronous" else ModelRetryMiddleware
    misplaced: Any = create_agent(client(endpoint), middleware=[AdaptiveReasoning(), both()])
    with pytest.raises(ConfigurationError, match="AdaptiveReasoning must come last"):
        run(misplaced, ASKED)
    assert endpoint.requests == []
    uncapped: Any = create_agent(FakeListChatModel(responses=["never asked"]), middleware=[AdaptiveReasoning()])
    with pytest.raises(ConfigurationError, match="max_tokens_field="):
        run(uncapped, ASKED)


@pytest.mark.parametrize("kept", [{}, {"model": "a name"}, {"model": object(), "middleware": iter([])}])
def test_a_function_that_keeps_its_arguments_elsewhere_tells_nothing(kept: dict[str, Any]) -> None:
    assert blueprint._read(AdaptiveReasoning(), kept.get("model"), kept.get("middleware")) is None
