"""Finding the program in a reply."""

from __future__ import annotations

import re

_BLOCK = re.compile(r"^ *```[ \t]*([\w+-]*)[^\n]*\n(.*?)^ *```[ \t]*$", re.MULTILINE | re.DOTALL)


def code_of(text: str) -> str:
    """The last block fenced as Python, else the last fenced block, else the whole text."""
    blocks: list[tuple[str, str]] = _BLOCK.findall(text)
    python = [code for language, code in blocks if language.casefold() in ("python", "py", "python3")]
    return (python or [code for _, code in blocks] or [text])[-1]
