"""`tts-agent replay`: banks in, a table, JSON and a page out; what is wrong gets one sentence and a code."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from tests.cli.running import run as command
from tests.evaluation.synthetic import question, simulated, written
from tts_agent.evaluation.banks import VARIABLE, Bank
from tts_agent.evaluation.contenders import BASELINES, self_consistency
from tts_agent.evaluation.lineup import lineup

ABSOLUTE = re.compile(r"(?<![\w.])/\w+/")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    return command(monkeypatch, "replay", *arguments, "--processes", "1")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two banks below TTS_AGENT_BANKS. Baselines alone compete, and nobody predicts difficulty: all takes a minute."""
    monkeypatch.setattr("tts_agent.evaluation.run.lineup", dict)
    monkeypatch.setattr("tts_agent.evaluation.run.ablations", lambda: {"one more": self_consistency})
    monkeypatch.setattr("tts_agent.evaluation.run.predictor_card", lambda bank, path, *, seed: None)
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    written(simulated(30), tmp_path / "one.jsonl.gz")
    written(simulated(30, seed=1, name="other"), tmp_path / "two.jsonl.gz")
    return tmp_path


def test_banks_are_compared_in_a_table_as_json_and_on_a_page_with_pictures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    out, json_file = folder / "out", folder / "more" / "replay.json"
    settings = ("--orderings", "2", "--max-samples", "6", "--json", str(json_file), "--out", str(out))
    assert run(monkeypatch, "one", str(folder / "two.jsonl.gz"), *settings) == 0
    printed = capsys.readouterr().out
    for word in ("one: 30 questions", "two: 30 questions", "mixed stream: 60 questions", "SC-k", "AC(.95)"):
        assert word in printed
    said = json.loads(json_file.read_text())
    assert [bank["name"] for bank in said["banks"]] == ["one", "two"]
    assert said["banks"][0]["orderings"] == 2
    assert said["stream"]["samples"] == 6
    assert {path.name for path in out.iterdir()} == {"results.md", "one.png", "two.png", "stream.png", "summary.png"}


def test_the_same_seed_says_the_same(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    said = []
    for name in ("a.json", "b.json"):
        assert run(monkeypatch, "one", "--orderings", "2", "--json", str(folder / name)) == 0
        said.append(json.loads((folder / name).read_text())["banks"])
    assert said[0] == said[1]


@pytest.mark.slow
def test_the_whole_line_up_competes(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.setattr("tts_agent.evaluation.run.lineup", lineup)
    settings = ("--orderings", "2", "--max-samples", "5", "--json", str(folder / "all.json"))
    assert run(monkeypatch, "one", "two", *settings) == 0
    said = json.loads((folder / "all.json").read_text())
    assert set(said["stream"]["policies"]) == {*BASELINES, *lineup(), "one more"}
    assert set(said["banks"][0]["policies"]) == {*BASELINES, *lineup()}


def test_a_single_bank_is_not_shown_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    settings = ("--orderings", "2", "--json", str(folder / "one.json"), "--out", str(folder / "out"))
    assert run(monkeypatch, "one", *settings) == 0
    told = capsys.readouterr()
    assert told.out.count("30 questions") == 1
    assert "running: one" in told.err
    assert "1 of 1 done: one" in told.err
    said = json.loads((folder / "one.json").read_text())
    assert said["stream"] == said["banks"][0]
    page = (folder / "out" / "results.md").read_text()
    assert "## One" in page
    assert "Mixed stream" not in page
    assert {path.name for path in (folder / "out").iterdir()} == {"results.md", "one.png"}


def test_the_suite_plays_every_bank_that_can_be_voted_on_and_says_what_was_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    telling = Bank("telling", tuple(question(["right", None, None], name=f"q{n}") for n in range(4)))
    written(telling, folder / "telling.jsonl.gz")
    out, json_file = folder / "out", folder / "suite.json"
    assert run(monkeypatch, "--suite", "--orderings", "2", "--json", str(json_file), "--out", str(out)) == 0
    told = capsys.readouterr()
    assert "promised and measured" in told.out
    assert "running: mixed stream" in told.err
    text = json_file.read_text()
    said = json.loads(text)
    assert "NaN" not in text
    assert "Infinity" not in text
    assert [bank["name"] for bank in said["banks"]] == ["one", "two"]
    assert said["stream"]["questions"] == 60
    assert (said["signals"], said["arms"], said["turns"]) == (None, None, None)
    assert set(said["left_out"]) == {"telling", "signals", "arms", "turns"}
    assert said["summary"][-1]["met"] is None
    page = (out / "results.md").read_text()
    assert str(folder) not in page + text
    assert not ABSOLUTE.search(page), ABSOLUTE.search(page)
    assert "`tts-agent replay --suite --orderings 2 --json suite.json --out out --processes 1`" in page
    assert "| telling |" in page
    assert page.index("## Promised and measured") < page.index("## Mixed stream")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param((), "one of the two", id="neither banks nor suite"),
        pytest.param(("one", "--suite"), "one of the two", id="banks and suite"),
        pytest.param(("one", "--parts", "votes"), "--parts goes with --suite", id="parts of no suite"),
        pytest.param(("--suite", "--parts", "votes,dreams"), "there is no part 'dreams'", id="unknown part"),
        pytest.param(("--suite", "--parts", "turns"), "no folder sequential", id="part without data"),
        pytest.param(("nowhere",), "there is no bank nowhere", id="no such bank"),
        pytest.param(("bad",), "bad.jsonl.gz, line 1", id="damaged"),
        pytest.param(("single",), "single.jsonl.gz, line 1: fewer than 2 samples", id="one sample a question"),
        pytest.param(("telling",), "cannot be voted on", id="right answers only"),
        pytest.param(("one", "one"), "more than once", id="twice"),
        pytest.param(("one", "--orderings", "0"), "--orderings is 0", id="no orderings"),
        pytest.param(("one", "--json", "."), "is a folder", id="JSON into a folder"),
    ],
)
def test_what_is_wrong_gets_one_sentence_and_a_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    arguments: tuple[str, ...],
    says: str,
) -> None:
    (folder / "bad.jsonl.gz").write_bytes(gzip.compress(b"nonsense\n"))
    for name, answers in (("single", ["right"]), ("telling", ["right", None, None])):
        written(Bank(name, tuple(question(answers, name=f"q{n}") for n in range(4))), folder / f"{name}.jsonl.gz")
    assert run(monkeypatch, *arguments) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("tts-agent: ")
    assert says in complaint


def test_a_suite_without_a_folder_of_banks_is_told_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(VARIABLE, "")
    assert run(monkeypatch, "--suite") == 2
    assert f"set {VARIABLE}" in capsys.readouterr().err
