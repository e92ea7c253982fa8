"""Structured output, by tool and by provider, through votes."""

from dataclasses import dataclass
from typing import Any

import pytest
from langchain.agents.middleware import AgentMiddleware
from langchain.agents.structured_output import ProviderStrategy, StructuredOutputValidationError, ToolStrategy
from langgraph.errors import GraphRecursionError
from pydantic import BaseModel

from tests.nodes.middleware.agents import ASKED, Run, agent, decided, multiply, proposes, serving
from tts_agent import Budget
from tts_agent.nodes import AdaptiveReasoning


class Answer(BaseModel):
    number: int
    because: str = ""


def voting(n: int, **settings: Any) -> AdaptiveReasoning:
    return AdaptiveReasoning(policy="parallel", max_samples=n, **settings)


def answers(*texts: str) -> list[Any]:
    return [proposes(text, "Answer") for text in texts]


@pytest.mark.parametrize("tools", [[], [multiply]], ids=["no tools", "tools"])
def test_outputs_by_tool_vote_by_value(run: Run, tools: list[Any]) -> None:
    said = answers('{"number": 41}', '{"number": "42"}', '{"number": 42, "because": ""}')
    with serving(said) as endpoint:
        state = run(agent(endpoint, voting(3), tools=tools, response_format=ToolStrategy(Answer)), ASKED)
    assert state["structured_response"] == Answer(number=42)
    assert [turn.type for turn in state["messages"]] == ["human", "ai", "tool"]
    assert decided(state, 1)["votes"] == [2, 1]


def test_outputs_by_the_provider_vote_by_value(run: Run) -> None:
    said = ['{"number": 41}', '{"number": 42}', '{"because": "", "number": 42}']
    with serving(said) as endpoint:
        state = run(agent(endpoint, voting(3), response_format=ProviderStrategy(Answer)), ASKED)
    assert state["structured_response"] == Answer(number=42)
    assert decided(state)["votes"] == [2, 1]


def test_fields_may_be_ignored() -> None:
    said = [f'{{"number": {number}, "because": "{at}"}}' for at, number in enumerate([41, 42, 42])]
    with serving(said) as endpoint:
        reasoning = voting(3, ignore_arguments=["because"])
        state = agent(endpoint, reasoning, response_format=ProviderStrategy(Answer)).invoke(ASKED)
    assert state["structured_response"].number == 42


def test_dataclasses_and_schemas_vote_too() -> None:
    @dataclass
    class Number:
        number: int

    schema = {"title": "Number", "type": "object", "properties": {"number": {"type": "integer"}}}
    for form in (Number, schema):
        with serving([proposes(f'{{"number": {number}}}', "Number") for number in (41, 42, 42)]) as endpoint:
            state = agent(endpoint, voting(3), response_format=ToolStrategy(form)).invoke(ASKED)
        assert decided(state, 1)["votes"] == [2, 1]


def test_outputs_by_tool_that_do_not_parse_are_billed_and_do_not_vote(run: Run) -> None:
    budget = Budget(100_000)
    with serving(answers('{"number": "many"}', '{"number": "many"}', '{"number": 42}')) as endpoint:
        reasoning = voting(3, budget=budget)
        state = run(agent(endpoint, reasoning, response_format=ToolStrategy(Answer)), ASKED)
    assert state["structured_response"] == Answer(number=42)
    assert decided(state, 1)["votes"] == [1]
    assert budget.spent.tokens == 3 * (5 + 3)


def test_outputs_by_the_provider_that_do_not_parse_are_billed_and_do_not_vote(run: Run) -> None:
    budget = Budget(100_000)
    with serving(["forty two", "forty two", *['{"number": 42}'] * 3]) as endpoint:
        reasoning = voting(3, budget=budget)
        state = run(agent(endpoint, reasoning, response_format=ProviderStrategy(Answer)), ASKED)
    assert state["structured_response"] == Answer(number=42)
    assert decided(state)["votes"] == [3]
    assert budget.spent.tokens == 2 * (5 + 2) + 3 * (5 + 2)  # to the token: the errors carry their replies


def test_when_none_parses_the_agent_goes_on_as_it_would() -> None:
    with serving(answers('{"number": "many"}')[0]) as endpoint:
        strict = ToolStrategy(Answer, handle_errors=False)
        with pytest.raises(StructuredOutputValidationError):
            agent(endpoint, voting(3), response_format=strict).invoke(ASKED)
    with serving(answers('{"number": "many"}')[0], answers('{"number": 42}')[0]) as endpoint:
        state = agent(endpoint, voting(3), response_format=ToolStrategy(Answer)).invoke(ASKED)
    assert [turn.type for turn in state["messages"]] == ["human", "ai", "tool", "ai", "tool"]


def test_naively_returning_the_message_alone_loops() -> None:
    """For comparison: the parsed output and the tool's message belong to the response."""

    class Naive(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return handler(request).result[0]

    with serving(answers('{"number": 42}')[0]) as endpoint:
        graph = agent(endpoint, Naive(), tools=[], response_format=ToolStrategy(Answer))
        with pytest.raises(GraphRecursionError):
            graph.invoke(ASKED, {"recursion_limit": 8})
