"""The commands of docs/learning.md, as they stand there: from nothing to a router of one's own."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tts_agent.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "learning.md"


def commands() -> list[list[str]]:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [shlex.split(line)[1:] for block in blocks for line in block.splitlines()]


@pytest.mark.slow
def test_labels_train_a_head_and_a_profile_that_solve_and_demo_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    told = {}
    for command in commands():
        monkeypatch.setattr(sys, "argv", ["tts-agent", *command])
        try:
            main()
        except SystemExit as end:
            code = end.code
        else:
            code = 0
        told[command[0]] = capsys.readouterr().out
        assert not code, command
    assert list(told) == ["label", "train", "profile", "solve", "demo"]
    assert "saved in out/estimator" in told["train"]
    assert "60 of 60 items" in told["profile"]
    assert "85" in told["solve"]
    assert "ours" in told["demo"]
    assert (tmp_path / "out" / "demo" / "summary.json").is_file()
