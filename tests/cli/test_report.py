"""`tts-agent report`: what a recorded run spent, per class and limit."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.running import run as command
from tts_agent.budget import Budget
from tts_agent.exceptions import BudgetExhausted
from tts_agent.learning.recording import Recorder
from tts_agent.messages import user
from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import Fixed
from tts_agent.routing.profile import ClassProfile
from tts_agent.routing.profile_file import ProfileFile
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency
from tts_agent.testing.scripted import ScriptedSampler


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    return command(monkeypatch, "report", *arguments)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Five steps of two classes by three votes each, the last of them cut short by the budget."""
    path = tmp_path / "records.sqlite"
    sampler = ScriptedSampler(lambda request, index: "The answer is 4.")
    budget = Budget(86)  # three words of a question and four of an answer are 7 tokens; a call may take 3 + 16
    reasoner = AdaptiveReasoner(sampler, policy=Fixed(SelfConsistency(FixedSize(3))), budget=budget)
    with Recorder(path) as recorder:
        for number, kind in enumerate(("plan", "plan", "<i>tool</i>", "plan", "plan")):
            with recorder.task(f"task {number}"):
                try:
                    recorder(reasoner.run(Step((user("what is this"),), max_tokens=16, kind=kind)))
                except BudgetExhausted:
                    break
        recorder.record_outcome("task 0", correct=True)
        recorder.record_outcome("task 1", correct=False)
    return path


def test_spending_is_added_up_per_class_and_the_limit_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path
) -> None:
    assert run(monkeypatch, str(records), "--json") == 0
    said = json.loads(capsys.readouterr().out)
    rows = {row["kind"]: row for row in said["classes"]}
    assert rows["<i>tool</i>"]["tokens"] == 21
    assert rows["all"]["tokens"] == sum(row["tokens"] for kind, row in rows.items() if kind != "all")
    assert rows["all"]["strategies"] == {"self_consistency": rows["all"]["steps"]}
    assert rows["plan"]["correct"] == [1, 2]
    assert {each["limit"] for each in said["limited"]} == {"budget"}
    assert {each["task"] for each in said["limited"]} <= {"task 3", "task 4"}


def test_the_page_and_the_terminal_say_the_same(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path, tmp_path: Path
) -> None:
    html = tmp_path / "report.html"
    assert run(monkeypatch, str(records), "--html", str(html)) == 0
    assert "was stopped by: budget" in capsys.readouterr().out
    text = html.read_text(encoding="utf-8")
    assert "&lt;i&gt;tool" in text
    assert "<i>tool" not in text
    assert not re.search(r"(src|href|url|@import|https?:|<script)", text)


def test_a_task_is_shown_step_by_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path, tmp_path: Path
) -> None:
    profile = tmp_path / "profile.json"
    ProfileFile(
        "", {"plan": ClassProfile(reference=Beta(9.0, 1.0), population=Population.of(Beta(9.0, 1.0), 1.0))}
    ).write(profile)
    assert run(monkeypatch, str(records), "--task", "task 1", "--json") == 0
    unknown = json.loads(capsys.readouterr().out)["timelines"]
    assert run(monkeypatch, str(records), "--task", "task 1", "--json", "--profile", str(profile)) == 0
    known = json.loads(capsys.readouterr().out)["timelines"]
    assert [each["task"] for each in known] == ["task 1"]
    ((step,), (before,)) = known[0]["steps"], unknown[0]["steps"]
    assert (step["strategy"], step["samples"], step["tokens"], step["spent"]) == ("self_consistency", 3, 21, 21)
    assert 0.0 < step["worth"] < before["worth"]  # two votes agree, and answers of the class are mostly right
    assert run(monkeypatch, str(records), "--task", "task 1") == 0
    assert "task 1, step by step" in capsys.readouterr().out


def test_the_page_shows_every_task_step_by_step(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path
) -> None:
    html = records.with_suffix(".html")
    assert run(monkeypatch, str(records), "--html", str(html), "--json") == 0
    text = html.read_text(encoding="utf-8")
    names = [task["name"] for task in json.loads(capsys.readouterr().out)["tasks"]]
    assert len(names) >= 4
    assert text.count("<svg") == len(names)
    assert all(f"<h3>{name}</h3>" in text for name in names)


def test_a_task_that_is_not_there_is_refused_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path
) -> None:
    assert run(monkeypatch, str(records), "--task", "nope") != 0
    assert "no such task; there are 'task 0'" in capsys.readouterr().err


def test_a_damaged_file_and_a_page_that_cannot_be_written_are_one_sentence_and_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], records: Path, tmp_path: Path
) -> None:
    assert run(monkeypatch, str(records), "--html", str(tmp_path)) == 1
    assert capsys.readouterr().err == f"tts-agent: {tmp_path}: Is a directory\n"
    if Path("/dev/full").exists():
        assert run(monkeypatch, str(records), "--html", "/dev/full") == 1
        assert capsys.readouterr().err == "tts-agent: No space left on device\n"
    with closing(sqlite3.connect(records)) as database, database:
        database.execute("UPDATE decisions SET json = '{}' WHERE number = 2")
    assert run(monkeypatch, str(records)) == 1
    assert "is damaged: record 2 is no decision" in capsys.readouterr().err
    records.write_bytes(records.read_bytes()[:5000])
    assert run(monkeypatch, str(records)) == 1
    assert "cannot be read: database disk image is malformed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.mkdir(), "is a folder: give the file that a Recorder wrote"),
        (lambda path: path.write_text('{"single": []}'), "give the file that a Recorder wrote, a SQLite database"),
        (lambda path: path.write_text("something else, long enough to be looked at " * 50), "no decision records"),
        (lambda path: Recorder(path).close(), "holds no records"),
    ],
)
def test_what_is_no_record_gets_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, make: object, sentence: str
) -> None:
    assert callable(make)
    make(tmp_path / "r.sqlite")
    assert run(monkeypatch, str(tmp_path / "r.sqlite")) != 0
    assert sentence in capsys.readouterr().err
