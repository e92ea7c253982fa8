"""A model's reply as a sample, and the winning sample as the reply of the node."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata

from tts_agent.nodes.messages import call_fields, tool_calls
from tts_agent.reasoner import Result
from tts_agent.sampling import FinishReason, Sample, Usage

METADATA_KEY = "tts_agent"
"""Where the decision stands in the winner's `response_metadata`, and in the custom stream."""


def to_sample(reply: AIMessage) -> Sample:
    """The sample that a reply is. Without `usage_metadata` its usage is zero: see `usage`."""
    return Sample(
        text=str(reply.text),
        finish_reason=_finish_reason(reply.response_metadata),
        tool_calls=tool_calls(reply),
        usage=usage(reply) or Usage(),
        logprob=_logprob(reply.response_metadata),
        raw=reply,
    )


def usage(reply: AIMessage) -> Usage | None:
    """The tokens the provider reported for this reply; None when it reported none, or nothing but zeros.

    A reply from LangChain's cache, which marks it by a cost of 0 beside the usage, was not billed.
    """
    reported = reply.usage_metadata
    if reported is None or not any((reported["input_tokens"], reported["output_tokens"])):
        return None
    if dict(reported).get("total_cost") == 0:
        return Usage()
    prompt, output = reported["input_tokens"], reported["output_tokens"]
    return Usage(
        prompt,
        max(output, reported["total_tokens"] - prompt),  # some leave reasoning out of the output they report
        _detail(reported.get("input_token_details"), "cache_read"),
        _detail(reported.get("output_token_details"), "reasoning"),
    )


def usage_metadata(usage: Usage) -> UsageMetadata:
    """Usage as LangChain's messages carry it."""
    return UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.total,
        input_token_details=InputTokenDetails(cache_read=usage.cached_input_tokens),
        output_token_details=OutputTokenDetails(reasoning=usage.reasoning_tokens),
    )


def winner(result: Result, model: str) -> AIMessage:
    """The winning reply: the model's own message, copied, with the decision in its `response_metadata`.

    Its usage stays its own. What the whole step cost stands in the decision: frameworks that decide by the
    last message's usage (summarization, for one) would take a sum over samples for a long conversation.
    """
    sample = result.sample
    return recorded(sample.raw if isinstance(sample.raw, AIMessage) else _message(sample, model), result)


def recorded(reply: AIMessage, result: Result) -> AIMessage:
    """A copy of the reply with the decision in its `response_metadata`."""
    return reply.model_copy(update={"response_metadata": {**reply.response_metadata, METADATA_KEY: summary(result)}})


def summary(result: Result) -> dict[str, Any]:
    """What was decided for a step and why, what it cost, and how sure the outcome is. Ready for JSON."""
    outcome = result.outcome
    return {
        "strategy": outcome.strategy,
        "reason": result.decision.reason,
        "stop": outcome.stop,
        "samples": len(outcome.samples),
        "votes": sorted(outcome.votes.values(), reverse=True),
        "p_correct": None if outcome.p_correct is None else float(outcome.p_correct),
        "accepted": None if outcome.accepted is None else bool(outcome.accepted),
        "predicted": None if result.difficulty is None else float(result.difficulty.mean),
        "tokens": result.spent.tokens,
        "calls": result.spent.calls,
    }


def _message(sample: Sample, model: str) -> AIMessage:
    """The reply of a model that is not LangChain's."""
    return AIMessage(
        sample.text,
        **call_fields(sample.tool_calls),
        usage_metadata=usage_metadata(sample.usage),
        response_metadata={"model_name": model, "finish_reason": sample.finish_reason},
    )


_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "complete": "stop",
    "completed": "stop",
    "eos_token": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "incomplete": "length",
    "pause_turn": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    # What the endpoint withheld or broke off is no answer, whatever text came with it.
    "content_filter": "content_filter",
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
    "refusal": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "blocklist": "content_filter",
    "prohibited_content": "content_filter",
    "malformed_function_call": "content_filter",
    "error": "content_filter",
}
"""Why a reply ended, in the words of OpenAI (both APIs), Anthropic, Google, Mistral, Ollama, Bedrock, Cohere."""


def _finish_reason(metadata: Mapping[str, Any]) -> FinishReason:
    said = [metadata.get(name) for name in ("finish_reason", "stop_reason", "done_reason", "stopReason")]
    details = metadata.get("incomplete_details")  # OpenAI's Responses API says why beside the status
    said += [details.get("reason") if isinstance(details, Mapping) else None, metadata.get("status")]
    words = (word for word in said if isinstance(word, str))
    return _FINISH.get(next(words, "").lower(), "unknown")


def _detail(details: Mapping[str, Any] | None, name: str) -> int:
    """A part of the tokens. OpenAI's priority and flex tiers put the tier before the name."""
    return sum(count or 0 for key, count in (details or {}).items() if key.endswith(name))


def _logprob(metadata: Mapping[str, Any]) -> float | None:
    """Mean log-probability (nats) a token, where the model was asked for them."""
    reported = metadata.get("logprobs")
    tokens = reported.get("content") if isinstance(reported, Mapping) else None
    values = [token["logprob"] for token in tokens or ()]
    return sum(values) / len(values) if values else None
