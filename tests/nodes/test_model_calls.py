"""What callbacks tell about a call: what it can cost, and what it did."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, Generation, LLMResult

from tests.nodes.models import message
from tts_agent.nodes.errors import BudgetExceededError
from tts_agent.nodes.model_calls import ModelCall, bill, from_cache
from tts_agent.sampling import Usage


def call(metadata: dict[str, Any] | None = None, **arguments: Any) -> ModelCall:
    return ModelCall([HumanMessage("hello")], arguments, metadata or {})


def result(*replies: AIMessage, **output: Any) -> LLMResult:
    return LLMResult(generations=[[ChatGeneration(message=reply) for reply in replies]], llm_output=output or None)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens", "max_output_tokens", "num_predict"])
def test_a_cap_is_found_under_every_provider_s_name(name: str) -> None:
    arguments: dict[str, Any] = {name: 50}
    assert call(**arguments).max_tokens(None) == 50


def test_of_several_caps_the_largest_counts_since_nobody_knows_which_one_wins() -> None:
    assert call(max_tokens=5, max_completion_tokens=50).max_tokens(9) == 50


def test_a_cap_that_only_langsmith_s_metadata_know_counts() -> None:
    assert call({"ls_max_tokens": 30}).max_tokens(9) == 30


def test_a_call_without_a_cap_takes_the_default_or_is_refused() -> None:
    assert call().max_tokens(9) == 9
    with pytest.raises(BudgetExceededError, match="set max_tokens on the model"):
        call(max_tokens=None).max_tokens(None)


def test_a_node_is_found_also_when_a_graph_inside_it_makes_the_call() -> None:
    inside = call({"langgraph_node": "model", "langgraph_checkpoint_ns": "writer:1f2|model:3a4"})
    assert inside.at(frozenset({"writer"}))
    assert inside.at(frozenset({"model"}))
    assert not inside.at(frozenset({"planner", "write"}))
    assert not call().at(frozenset({"writer"}))


@pytest.mark.parametrize(("said", "repeats"), [(None, True), (2, True), (0, False)])
def test_an_sdk_may_repeat_a_call_unless_the_model_was_told_not_to(said: int | None, repeats: bool) -> None:
    made = ModelCall([], {}, {"ls_provider": "openai"}, {} if said is None else {"max_retries": said})
    assert made.repeats is repeats


def test_the_bill_is_the_reply_s_usage() -> None:
    assert bill(result(message("4", prompt=10, output=5))) == Usage(10, 5)


def test_the_usage_that_langchain_repeats_on_each_completion_counts_once() -> None:
    repeated = message("4", prompt=10, output=20)
    total = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
    assert bill(result(repeated, repeated, token_usage=total)) == Usage(10, 20)


def test_without_a_total_the_usages_of_several_completions_add_up() -> None:
    assert bill(result(message("4", 10, 5), message("5", 10, 6))) == Usage(20, 11)


def test_a_total_that_leaves_reasoning_out_of_the_output_counts_in_full() -> None:
    total = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 45}
    assert bill(LLMResult(generations=[[Generation(text="4")]], llm_output={"token_usage": total})) == Usage(10, 35)


@pytest.mark.parametrize(
    "silent", [result(AIMessage("4")), result(message("4"), AIMessage("5")), LLMResult(generations=[[]])]
)
def test_no_usage_is_no_bill(silent: LLMResult) -> None:
    assert bill(silent) is None


def test_a_reply_from_the_cache_is_known_by_its_cost_of_nothing() -> None:
    cached = message("4")
    assert not from_cache(result(cached))
    cached.usage_metadata["total_cost"] = 0  # type: ignore[index, typeddict-unknown-key]
    assert from_cache(result(cached))
