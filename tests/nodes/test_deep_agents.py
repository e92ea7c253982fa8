"""A deep agent that would spend several times its cap, with sub-agents that no middleware of its own sees."""

import re

import pytest
from langchain_core.messages import HumanMessage

from examples.deep_agent import CAP, build, script
from tts_agent.nodes import token_budget
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler


@pytest.mark.slow
def test_it_ends_with_a_useful_answer_inside_its_cap_and_every_call_is_on_the_ledger() -> None:
    def run(limit: int, reserve: int) -> tuple[str, int, int]:
        behind = ScriptedSampler(script)
        with Loopback(behind) as endpoint, token_budget(limit, reserve_final=reserve) as budget:
            asked = {"messages": [HumanMessage("Is it fine?")]}
            state = build(endpoint.url).invoke(asked, {"recursion_limit": 9_999})
        assert budget.spent.calls == len(endpoint.requests)
        billed = sum(sample.usage.total for sample in behind.samples)
        assert billed == budget.spent.tokens
        return state["messages"][-1].content, billed, len(endpoint.requests)

    said, billed, calls = run(10**9, 0)
    assert said == "From 60 sources: it is fine."
    assert billed > 5 * CAP
    said, billed, fewer = run(CAP, 50_000)
    assert re.fullmatch(r"From [1-9]\d* sources: it is fine\.", said)
    assert billed <= CAP
    assert fewer < calls
