"""What happens when the budget has no room for another step."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain.agents.middleware import AgentMiddleware
from langchain.agents.structured_output import ToolStrategy
from langchain_core.messages import AIMessage
from langgraph.errors import GraphRecursionError
from pydantic import BaseModel

from tests.nodes.middleware.agents import ASKED, Run, agent, decided, proposes, serving
from tts_agent import Budget
from tts_agent.nodes import METADATA_KEY, AdaptiveReasoning, BudgetExceededError
from tts_agent.nodes.wind_down import last_words
from tts_agent.sampling import SampleRequest
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import Reply, ScriptedSampler

PAGE = "word " * 60


def restless(request: SampleRequest, _: int) -> Reply:
    """Calls tools as long as there are any, and says something when there are none."""
    if request.tools:
        return proposes('{"a": 6, "b": 7}', text=PAGE)
    return "so far it looks like 42"


def billed(sampler: ScriptedSampler) -> int:
    return sum(sample.usage.total for sample in sampler.samples)


def test_a_run_that_would_never_end_ends_with_an_answer_inside_its_budget(run: Run) -> None:
    sampler = ScriptedSampler(restless)
    with Loopback(sampler) as endpoint:
        reasoning = AdaptiveReasoning(policy="parallel", max_samples=3, budget=20_000, max_tokens=500)
        state = run(agent(endpoint, reasoning), ASKED)
    answer = state["messages"][-1]
    assert answer.content == "so far it looks like 42"
    assert decided(state)["reason"].startswith("the last answer: ")
    assert 10_000 < billed(sampler) <= 20_000
    last = endpoint.requests[-1]
    assert "tools" not in last
    assert last["messages"][-1]["content"] == last_words().content
    assert not any(turn.content == last_words().content for turn in state["messages"])


def test_a_shared_budget_keeps_its_reserve_for_the_last_answer(run: Run) -> None:
    sampler, budget = ScriptedSampler(restless), Budget(20_000, reserve_final=6_000)
    with Loopback(sampler) as endpoint:
        state = run(agent(endpoint, AdaptiveReasoning(policy="single", budget=budget, max_tokens=500)), ASKED)
    assert state["messages"][-1].content == "so far it looks like 42"
    assert budget.spent.tokens == billed(sampler) <= 20_000


@settings(max_examples=10)
@given(st.integers(1_500, 12_000), st.sampled_from(["single", "parallel", "auto"]))
def test_whatever_the_budget_no_run_spends_more(limit: int, policy: Any) -> None:
    sampler = ScriptedSampler(restless)
    with Loopback(sampler) as endpoint:
        graph = agent(endpoint, AdaptiveReasoning(policy=policy, max_samples=3, budget=limit, max_tokens=300))
        try:
            state = graph.invoke(ASKED)
        except BudgetExceededError:
            assert not sampler.samples  # it ends with an answer, or there was room for nothing at all
        else:
            assert state["messages"][-1].content == "so far it looks like 42"
    assert billed(sampler) <= limit


def test_end_says_why(run: Run) -> None:
    with Loopback(ScriptedSampler(restless)) as endpoint:
        reasoning = AdaptiveReasoning(policy="single", budget=8_000, max_tokens=500, exit_behavior="end")
        state = run(agent(endpoint, reasoning), ASKED)
    last = state["messages"][-1]
    assert last.content.startswith("Stopped: the next call needs at least")
    assert last.response_metadata[METADATA_KEY]["stop"] == "budget"
    assert state["messages"][-2].type == "tool"


def test_error_raises_what_nobody_retries(run: Run) -> None:
    with Loopback(ScriptedSampler(restless)) as endpoint:
        reasoning = AdaptiveReasoning(policy="single", budget=8_000, max_tokens=500, exit_behavior="error")
        with pytest.raises(BudgetExceededError, match="of the budget are left"):
            run(agent(endpoint, reasoning), ASKED)


def test_without_room_for_anything_there_is_an_error_and_no_answer() -> None:
    with serving("never asked") as endpoint, pytest.raises(BudgetExceededError, match="the next call needs at least"):
        agent(endpoint, AdaptiveReasoning(budget=20)).invoke(ASKED)
    assert endpoint.requests == []


class Answer(BaseModel):
    number: int


class Idle(AgentMiddleware[Any, Any, Any]):
    """Has a node after the model, as many do."""

    def after_model(self, state: Any, runtime: Any) -> None:
        return None


def test_ending_an_agent_that_asks_until_an_output_parses_does_not_loop(run: Run) -> None:
    with serving("never asked") as endpoint:
        reasoning = AdaptiveReasoning(budget=20, exit_behavior="end")
        graph = agent(endpoint, reasoning, tools=[], response_format=ToolStrategy(Answer))
        state = run(graph, ASKED)
    assert state["messages"][-1].content.startswith("Stopped: ")
    assert state["structured_response"] is None


def test_where_the_jump_does_not_arrive_it_is_an_error_instead_of_a_loop(run: Run) -> None:
    with serving("never asked") as endpoint:
        reasoning = AdaptiveReasoning(budget=20, exit_behavior="end")
        graph = agent(endpoint, Idle(), reasoning, tools=[], response_format=ToolStrategy(Answer))
        with pytest.raises(BudgetExceededError, match=r"the agent was told so and asks on, .* its response_format"):
            run(graph, ASKED)
    assert endpoint.requests == []


def test_naively_ending_one_loops() -> None:
    """For comparison: a message alone does not end it."""

    class Naive(AgentMiddleware[Any, Any, Any]):
        def wrap_model_call(self, request: Any, handler: Any) -> Any:
            return AIMessage("Stopped: no budget.")

    with serving("never asked") as endpoint:
        graph = agent(endpoint, Naive(), tools=[], response_format=ToolStrategy(Answer))
        with pytest.raises(GraphRecursionError):
            graph.invoke(ASKED, {"recursion_limit": 12})


def test_the_last_answer_has_the_form_that_was_asked_for() -> None:
    def script(request: SampleRequest, _: int) -> Reply:
        names = {offered["function"]["name"] for offered in request.tools}
        return proposes('{"number": 42}', "Answer") if names == {"Answer"} else restless(request, 0)

    with Loopback(ScriptedSampler(script)) as endpoint:
        reasoning = AdaptiveReasoning(policy="single", budget=12_000, max_tokens=500)
        state = agent(endpoint, reasoning, response_format=ToolStrategy(Answer)).invoke(ASKED)
    assert state["structured_response"] == Answer(number=42)
