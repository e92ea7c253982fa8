"""A model call of an agent as a flow of attempts at it: one description for synchronous and asynchronous agents."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

from tts_agent.budget import Budget
from tts_agent.exceptions import SamplerError
from tts_agent.nodes.metering import answering
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.step import Step

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step to be answered. Reply: the `Result`.

    Where all calls of the model failed, the flow is thrown the model's own error: the agent's other middleware, and
    whoever runs it, know what to do about that one.
    """

    reasoner: AdaptiveReasoner
    step: Step
    budget: Budget


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to a ledger, which may be kept in a database. Reply: what the function returns."""

    budget: Budget
    function: Callable[[], Any]


Attempts = Generator[Attempt | Ask, Any, T]


def run(flow: Attempts[T]) -> T:
    """Do what the flow wants until it returns, blocking."""
    came: Any = None
    try:
        while True:
            wanted = _tell(flow, came)
            try:
                if isinstance(wanted, Ask):
                    came = wanted.function()
                else:
                    with answering(wanted.budget):
                        came = wanted.reasoner.run(wanted.step, budget=wanted.budget)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                came = error
    except StopIteration as stop:
        result: T = stop.value
        return result


async def arun(flow: Attempts[T]) -> T:
    """Do what the flow wants until it returns, on the running event loop."""
    came: Any = None
    try:
        while True:
            wanted = _tell(flow, came)
            try:
                if isinstance(wanted, Ask):
                    came = await asyncio.to_thread(wanted.function) if wanted.budget.stored else wanted.function()
                else:
                    with answering(wanted.budget):
                        came = await wanted.reasoner.arun(wanted.step, budget=wanted.budget)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                came = error
    except StopIteration as stop:
        result: T = stop.value
        return result


def _tell(flow: Attempts[T], came: Any) -> Attempt | Ask:
    """What the flow wants next. Called outside any `except`: there, an error would become its own context."""
    if isinstance(came, SamplerError) and isinstance(came.__cause__, Exception):
        came = came.__cause__
    return flow.throw(came) if isinstance(came, Exception) else flow.send(came)
