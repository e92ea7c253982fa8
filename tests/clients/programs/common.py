"""What every program here needs: where the endpoint is, the question, the tool, and how to say what came out."""

from __future__ import annotations

import json
import os
from typing import Any

URL = os.environ["ENDPOINT"]
KEY = "any"
MODEL = "scripted"
QUESTION = "What is 20 plus 22?"

CALLS: list[tuple[int, int]] = []
"""What the tool was called with."""

TOOLS: Any = [
    {
        "type": "function",
        "function": {
            "name": "add",
            "description": "Add two numbers.",
            "parameters": {
                "type": "object",
                "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
                "required": ["a", "b"],
            },
        },
    }
]


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: the first number.
        b: the second number.
    """
    CALLS.append((a, b))
    return a + b


def tell(said: dict[str, Any]) -> None:
    """The last line of the output: what the test looks at."""
    print("\n" + json.dumps({**said, "calls": CALLS}))
