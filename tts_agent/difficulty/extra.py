"""Where torch comes from: imported at first use, or an error that names the extra."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from tts_agent.exceptions import MissingExtraError


def torch_module(what: str) -> ModuleType | Any:
    """The torch package. `what` begins the sentence of the error where it is not installed."""
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError(what, "difficulty") from error
    return torch
