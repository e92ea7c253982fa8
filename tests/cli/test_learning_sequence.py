"""The commands of docs/learning.md, as they stand and on a smaller scale: from nothing to a router of one's own."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from tts_agent.cli import main

PAGE = Path(__file__).parents[2] / "docs" / "learning.md"
SMALLER = {
    "label": {
        "embedded:60": "embedded:50",
        "-k 4 --batch 4": "-k 2 --batch 2",
    },  # 50 questions are the least to train on
    "profile": {"embedded:60": "embedded:10", "3,5,9": "3,5"},
    "demo": {"--questions 20": "--questions 5"},
}


def commands() -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    return [line.removeprefix("tts-agent ") for block in blocks for line in block.splitlines()]


def smaller(command: str) -> str:
    for there, instead in SMALLER.get(command.split(maxsplit=1)[0], {}).items():
        assert there in command
        command = command.replace(there, instead)
    return command


def check_sequence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path, lines: list[str]
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    (folder / "out").mkdir()
    told = {}
    for line in lines:
        monkeypatch.setattr(sys, "argv", ["tts-agent", *shlex.split(line)])
        try:
            main()
        except SystemExit as end:
            code = end.code
        else:
            code = 0
        told[line.split()[0]] = capsys.readouterr().out
        assert not code, line
    assert list(told) == ["label", "train", "profile", "solve", "demo"]
    assert "Left in out/estimator: the estimator, and its card as card.png" in told["train"]
    assert re.search(r"(\d+) of \1 items", told["profile"])
    assert "85" in told["solve"]
    assert "ours" in told["demo"]
    assert (folder / "out" / "estimator" / "card.png").is_file()
    assert (folder / "out" / "demo" / "summary.json").is_file()


def test_labels_train_a_head_and_a_profile_that_solve_and_demo_use(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    check_sequence(monkeypatch, capsys, tmp_path, [smaller(line) for line in commands()])


@pytest.mark.slow
def test_the_commands_work_as_they_are_documented(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    check_sequence(monkeypatch, capsys, tmp_path, commands())
