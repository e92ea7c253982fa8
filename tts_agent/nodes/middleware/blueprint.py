"""What an agent is being built from, as one of its middleware sees it.

LangChain tells a middleware neither its neighbours nor the model before the first call; but `create_agent` reads the
names of its middleware while it builds, and who is read can see who reads. That is used for one thing: to refuse at
construction what the first call would refuse anyhow. See docs/decisions/007.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain.agents.middleware.types import AgentMiddleware

FACTORY = ("langchain.agents.factory", "create_agent")
"""Module and name of the function that builds."""


@dataclass(frozen=True, slots=True)
class Blueprint:
    """The parts of an agent that concern a middleware of it."""

    model: Any
    """The chat model that the agent was given."""
    behind: tuple[AgentMiddleware[Any, Any, Any], ...]
    """The middleware after this one that wraps model calls."""


def blueprint(of: AgentMiddleware[Any, Any, Any]) -> Blueprint | None:
    """What is being built by whoever reads the property that calls this; None unless that is `create_agent`."""
    reader = sys._getframe(2)
    for frame in (reader, reader.f_back):  # before Python 3.12 a comprehension is a frame of its own
        if frame and (frame.f_globals.get("__name__"), frame.f_code.co_name) == FACTORY:
            return _read(of, frame.f_locals.get("model"), frame.f_locals.get("middleware"))
    return None


def _read(of: AgentMiddleware[Any, Any, Any], model: Any, middleware: Any) -> Blueprint | None:
    """None too where the function keeps its arguments in other variables than it did when this was written."""
    if model is None or isinstance(model, str) or not isinstance(middleware, Sequence):
        return None
    place = next((at for at, each in enumerate(middleware) if each is of), None)
    if place is None:
        return None
    return Blueprint(model, tuple(each for each in middleware[place + 1 :] if _wraps_model_calls(each)))


def _wraps_model_calls(middleware: object) -> bool:
    """LangChain's own criterion."""
    return any(
        getattr(type(middleware), hook, None) is not getattr(AgentMiddleware, hook)
        for hook in ("wrap_model_call", "awrap_model_call")
    )
