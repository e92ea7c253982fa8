"""A model call of an agent as a flow of attempts at it: one description for synchronous and asynchronous agents."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TypeVar

from tts_agent.budget import Budget
from tts_agent.exceptions import SamplerError
from tts_agent.nodes.metering import answering
from tts_agent.reasoner import AdaptiveReasoner, Result
from tts_agent.step import Step

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step to be answered. The flow that yields it is sent the `Result`, or thrown what was raised.

    Where all calls of the model failed, that is the model's own error: the agent's other middleware, and whoever
    runs it, know what to do about that one.
    """

    reasoner: AdaptiveReasoner
    step: Step
    budget: Budget


Attempts = Generator[Attempt, Result, T]


def run(attempts: Attempts[T]) -> T:
    """Answer them one after the other, blocking."""
    try:
        attempt = next(attempts)
        while True:
            try:
                with answering(attempt.budget):
                    came: Result | Exception = attempt.reasoner.run(attempt.step, budget=attempt.budget)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                came = error
            attempt = _tell(attempts, came)
    except StopIteration as stop:
        result: T = stop.value
        return result


async def arun(attempts: Attempts[T]) -> T:
    """Answer them one after the other on the running event loop."""
    try:
        attempt = next(attempts)
        while True:
            try:
                with answering(attempt.budget):
                    came: Result | Exception = await attempt.reasoner.arun(attempt.step, budget=attempt.budget)
            except Exception as error:  # noqa: BLE001 - the flow decides what an error means
                came = error
            attempt = _tell(attempts, came)
    except StopIteration as stop:
        result: T = stop.value
        return result


def _tell(attempts: Attempts[T], came: Result | Exception) -> Attempt:
    """What the flow wants next. Called outside any `except`: there, an error would become its own context."""
    if isinstance(came, SamplerError) and isinstance(came.__cause__, Exception):
        came = came.__cause__
    return attempts.throw(came) if isinstance(came, Exception) else attempts.send(came)
