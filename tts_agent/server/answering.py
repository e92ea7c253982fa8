"""One request, answered: handed to the upstream as it is, or voted on, under its ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tts_agent.budget import Budget
from tts_agent.budget.notice import LAST_WORDS
from tts_agent.driver import Driver
from tts_agent.effects import generate
from tts_agent.events import Drawn, Event, Refused, to_dict
from tts_agent.exceptions import BudgetExhausted, BudgetUnavailable, SamplerError
from tts_agent.messages import user
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import Policy
from tts_agent.sampling import Sample, Sampler, Usage
from tts_agent.server.chat_request import ChatRequest

OF_TOOLS = frozenset({"tool_choice", "parallel_tool_calls"})
"""Options that mean nothing without tools."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a request."""

    samples: tuple[Sample, ...]
    usage: Usage | None
    """All that the upstream reported for it, losers of the vote and retries included; None when it reported nothing."""
    trace: Mapping[str, Any]
    """What was decided, short; JSON-ready."""
    events: tuple[Mapping[str, Any], ...]
    """Everything that happened, in order; JSON-ready."""


async def answer(request: ChatRequest, door: Sampler, budget: Budget, policy: Policy | None) -> Answer:
    """Answer a request, on this ledger.

    Args:
        policy: None hands the upstream's reply on. So does a request for several choices: it wants them all.

    Raises:
        BudgetExhausted: not even one call fitted, and the request wants that as an error.
        SamplerError: no call succeeded.
        ConfigurationError: the request cannot be asked at all.
    """
    try:
        if policy is None or request.n > 1:
            return await _plain(request, door, budget)
        return await _decided(request, door, budget, policy)
    except BudgetUnavailable:
        raise
    except BudgetExhausted:
        if request.controls.on_exhausted == "error" or budget.seconds_left == 0.0:
            raise
    return await _plain(_last(request), door, budget, final=True)


async def _plain(request: ChatRequest, door: Sampler, budget: Budget, *, final: bool = False) -> Answer:
    """One call, never repeated: the client knows best whether to try again."""
    driver = Driver(door, budget, max_retries=0)
    batch = await driver.run(generate(request.step.request(), request.n, final=final))
    if not batch.samples:
        refusals = [event.reason for event in driver.events if isinstance(event, Refused)]
        if refusals:
            raise BudgetExhausted(refusals[-1])
        raise driver.last_failure or SamplerError("the upstream returned no reply", billed=False)
    strategy = "last answer" if final else "single"
    trace = {"strategy": strategy, "samples": len(batch.samples), "charged_tokens": driver.charged.tokens}
    return _answered(batch.samples, trace, tuple(driver.events))


async def _decided(request: ChatRequest, door: Sampler, budget: Budget, policy: Policy) -> Answer:
    result = await AdaptiveReasoner(door, policy=policy, budget=budget).arun(request.step)
    outcome = result.outcome
    trace = {
        "strategy": outcome.strategy,
        "samples": len(outcome.samples),
        "charged_tokens": result.spent.tokens,
        "stop": outcome.stop,
        "reason": result.decision.reason,
        "p_correct": outcome.p_correct,
        "votes": {str(value): count for value, count in outcome.votes.items()},
    }
    return _answered((result.sample,), trace, result.events)


def _answered(samples: tuple[Sample, ...], trace: Mapping[str, Any], events: tuple[Event, ...]) -> Answer:
    usage = sum((event.usage for event in events if isinstance(event, Drawn)), Usage())
    return Answer(samples, usage if usage.total else None, trace, tuple(map(to_dict, events)))


def _last(request: ChatRequest) -> ChatRequest:
    """The request for the last answer: without tools, so that it is one, but in the form that was asked for."""
    step = request.step
    options = {name: value for name, value in step.options.items() if name not in OF_TOOLS}
    return replace(
        request, n=1, step=replace(step, messages=(*step.messages, user(LAST_WORDS)), tools=(), options=options)
    )
