"""A model that is told what is left of its budget."""

from typing import Any

import pytest

from tests.nodes.middleware.agents import ASKED, Run, agent, proposes, serving
from tts_agent import Budget
from tts_agent.exceptions import ConfigurationError
from tts_agent.nodes import AdaptiveReasoning
from tts_agent.testing.loopback import Loopback

CALL = proposes('{"a": 6, "b": 7}')


def ends(endpoint: Loopback) -> list[Any]:
    return [request["messages"][-1]["content"] for request in endpoint.requests]


def test_every_prompt_ends_with_what_is_left_and_no_conversation_keeps_it(run: Run) -> None:
    with serving(CALL, CALL, "it is 42") as endpoint:
        reasoning = AdaptiveReasoning(policy="single", budget=40_000, max_tokens=100, tell_budget=True)
        state = run(agent(endpoint, reasoning), ASKED)
    assert all("of 40,000 tokens" in end for end in ends(endpoint))
    assert [message.type for message in state["messages"]] == ["human", "ai", "tool", "ai", "tool", "ai"]
    roles = [[turn["role"] for turn in request["messages"]] for request in endpoint.requests]
    assert roles[-1] == ["user", "assistant", "tool", "assistant", "tool", "user"], "the last alone is told"


def test_the_bound_of_a_prompt_still_rests_on_what_was_measured(run: Run) -> None:
    # Bytes alone would be too much for the second call: the bill of the first says how long the prompt is.
    long = "word " * 2_000
    with serving(CALL, "it is 42") as endpoint:
        reasoning = AdaptiveReasoning(policy="single", budget=16_000, max_tokens=100, tell_budget=True)
        state = run(agent(endpoint, reasoning), {"messages": [("user", long)]})
    assert state["messages"][-1].content == "it is 42"
    assert len(endpoint.requests) == 2


def test_it_hears_of_the_budget_that_is_the_tightest(run: Run) -> None:
    budget = Budget(3_000, reserve_final=500)
    with serving("42") as endpoint:
        run(agent(endpoint, AdaptiveReasoning(policy="single", budget=budget, max_tokens=100, tell_budget=True)), ASKED)
    assert "at least 2,000 tokens" in ends(endpoint)[0]


def test_there_is_nothing_to_tell_without_a_limit(run: Run) -> None:
    with serving("42") as endpoint:
        run(agent(endpoint, AdaptiveReasoning(policy="single", max_tokens=100, tell_budget=True)), ASKED)
    assert ends(endpoint) == ["What is 6 times 7?"]


def test_samples_of_one_step_are_told_the_same(run: Run) -> None:
    with serving(["42"] * 3) as endpoint:
        reasoning = AdaptiveReasoning(policy="parallel", max_samples=3, budget=40_000, max_tokens=100, tell_budget=True)
        run(agent(endpoint, reasoning), ASKED)
    assert len(endpoint.requests) > 1
    assert len(set(ends(endpoint))) == 1


def test_whether_to_tell_is_yes_or_no() -> None:
    with pytest.raises(ConfigurationError, match="tell_budget"):
        AdaptiveReasoning(tell_budget="often")  # type: ignore[arg-type]
