"""Commands as a terminal runs them, in this process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tts_agent.cli import main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """The exit status of `tts-agent` with these arguments."""
    monkeypatch.setattr(sys, "argv", ["tts-agent", *map(str, arguments)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0
