"""Classes of an agent's steps: what is learned about steps is learned per class."""

from __future__ import annotations

from typing import Any

from langchain.agents.middleware.types import ModelRequest
from langchain_core.messages import ToolMessage


def kind_of(request: ModelRequest[Any]) -> str:
    """ "tool results" after tools ran, "structured output" where nothing but a form is asked for, else "user turn"."""
    if request.messages and isinstance(request.messages[-1], ToolMessage):
        return "tool results"
    if request.response_format is not None and not request.tools:
        return "structured output"
    return "user turn"
