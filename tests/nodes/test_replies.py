"""A reply of any provider as a sample."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from tests.nodes.models import message
from tts_agent.nodes.replies import to_sample, usage
from tts_agent.sampling import Usage


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"finish_reason": "stop"}, "stop"),
        ({"finish_reason": "length"}, "length"),
        ({"finish_reason": "STOP"}, "stop"),  # Google
        ({"finish_reason": "MAX_TOKENS"}, "length"),
        ({"finish_reason": "MALFORMED_FUNCTION_CALL"}, "content_filter"),
        ({"stop_reason": "end_turn"}, "stop"),  # Anthropic
        ({"stop_reason": "max_tokens"}, "length"),
        ({"stop_reason": "tool_use"}, "tool_calls"),
        ({"stop_reason": "refusal"}, "content_filter"),
        ({"done_reason": "length"}, "length"),  # Ollama
        ({"stopReason": "guardrail_intervened"}, "content_filter"),  # Bedrock
        ({"status": "completed"}, "stop"),  # OpenAI's Responses API
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"finish_reason": None}, "unknown"),
        ({"finish_reason": "a word of tomorrow"}, "unknown"),
        ({}, "unknown"),
    ],
)
def test_every_provider_says_in_its_own_words_why_a_reply_ended(metadata: dict[str, Any], reason: str) -> None:
    assert to_sample(AIMessage("x", response_metadata=metadata)).finish_reason == reason


def test_cut_off_and_unparseable_replies_may_not_vote() -> None:
    broken = {"name": "add", "args": "{", "id": "1", "error": None}
    assert to_sample(AIMessage("42", response_metadata={"stop_reason": "end_turn"})).valid
    assert not to_sample(AIMessage("42", response_metadata={"stop_reason": "max_tokens"})).valid
    assert not to_sample(AIMessage("", invalid_tool_calls=[broken])).valid
    assert not to_sample(AIMessage("")).valid


def test_cached_and_reasoning_tokens_are_parts_of_input_and_output() -> None:
    reply = message("x", prompt=100, output=50)
    assert reply.usage_metadata is not None
    reply.usage_metadata["input_token_details"] = {"cache_read": 64}
    reply.usage_metadata["output_token_details"] = {"reasoning": 40}
    assert usage(reply) == Usage(100, 50, 64, 40)
    assert to_sample(reply).usage.total == 150


def test_reasoning_that_a_provider_only_counts_in_the_total_is_output() -> None:
    reply = AIMessage("x", usage_metadata={"input_tokens": 10, "output_tokens": 5, "total_tokens": 45})
    assert usage(reply) == Usage(10, 35)


def test_no_usage_and_zero_usage_are_no_usage() -> None:
    assert usage(AIMessage("x")) is None
    assert usage(message("x", prompt=0, output=0)) is None


def test_the_log_probability_is_the_mean_over_tokens() -> None:
    logprobs = {"content": [{"token": "a", "logprob": -1.0}, {"token": "b", "logprob": -3.0}]}
    assert to_sample(AIMessage("ab", response_metadata={"logprobs": logprobs})).logprob == -2.0
    assert to_sample(AIMessage("ab", response_metadata={"logprobs": None})).logprob is None
