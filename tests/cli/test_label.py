"""`tts-agent label`: what is typed right is labelled, what is typed wrong gets one sentence and a code."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import run as command
from tts_agent.learning.stored_labels import labels, pass_counts
from tts_agent.sampling import SampleRequest
from tts_agent.testing.loopback import Fault, Loopback
from tts_agent.testing.scripted import ScriptedSampler


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    return command(monkeypatch, "label", *arguments)


def reply(request: SampleRequest, index: int) -> str:
    return "The answer is 4." if "2+2" in request.messages[-1].content else "The answer is 5."


@pytest.fixture
def questions(tmp_path: Path) -> str:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"q": "2+2?", "a": 4}\n{"q": "2+3?", "a": 6}\n', encoding="utf-8")
    return str(path)


def test_questions_are_labelled_behind_an_endpoint_that_asks_to_wait(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, questions: str
) -> None:
    out = tmp_path / "l.db"
    with Loopback(ScriptedSampler(reply, name="m"), faults=[Fault(status=429, retry_after="0.1")]) as endpoint:
        asked = ("--base-url", endpoint.url, "--model", "m", "--question", "q", "--answer", "a", "-k", "3", "--json")
        assert run(monkeypatch, questions, *asked, "--out", str(out), "--tariff", "1,10", "--keep-texts") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["stop"], said["samples"], said["failed_calls"], said["mean_pass_rate"]) == ("done", 6, 1, 0.5)
    assert said["dollars"] > 0
    assert pass_counts(out) == {"0": (3, 3), "1": (0, 3)}
    assert len(labels(out)) == 6


def test_the_embedded_model_needs_neither_data_nor_key(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ("embedded:3", "-k", "2..3", "--batch", "2", "--seed", "1", "--out", str(tmp_path / "l.db"))
    assert run(monkeypatch, *arguments) == 0
    assert "stop  done" in capsys.readouterr().out
    assert run(monkeypatch, *arguments[:-3], "2", "--out", str(tmp_path / "l.db")) == 2
    assert "seed was 1 and is now 2" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_says_that_nothing_is_lost(tmp_path: Path) -> None:
    out = tmp_path / "l.db"
    command = [sys.executable, "-m", "tts_agent.cli", "label", "embedded:40", "--seed", "1", "--out", str(out)]
    # Where tests run in the background, Ctrl-C is ignored, and whatever they start inherits that.
    labelling = subprocess.Popen(["env", "--default-signal=INT", *command], stderr=subprocess.PIPE)
    try:
        while not out.exists():
            time.sleep(0.1)
        time.sleep(1.0)
        labelling.send_signal(signal.SIGINT)
        _, said = labelling.communicate(timeout=60)
    finally:
        labelling.kill()
    assert labelling.returncode == 130
    assert said.decode().endswith("l.db keeps what was labelled, and the same command goes on\n")
    with sqlite3.connect(out) as database:
        assert database.execute("SELECT held_tokens FROM runs").fetchone() == (0,)
    database.close()


def test_a_dry_run_says_what_it_would_cost_and_makes_no_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, questions: str
) -> None:
    asked = ("--model", "gpt-4.1-mini", "--question", "q", "--answer", "a", "-k", "8..32", "--max-tokens", "500")
    assert run(monkeypatch, questions, *asked, "--out", str(tmp_path / "l.db"), "--dry-run", "--json") == 0
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert said["samples"] == [16, 64]
    assert said["tokens"] == [16 * (1 + 250), 64 * (1 + 500)]
    assert said["dollars"] == pytest.approx([16 * (0.4 + 250 * 1.6) / 1e6, 64 * (0.4 + 500 * 1.6) / 1e6])
    assert not (tmp_path / "l.db").exists()


def test_a_model_out_of_reach_is_one_sentence_and_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, questions: str
) -> None:
    many = tmp_path / "many.jsonl"
    many.write_text("".join(f'{{"q": "2+{n}?", "a": 4}}\n' for n in range(60)), encoding="utf-8")
    with Loopback(ScriptedSampler(reply, name="m"), api_key="right") as endpoint:
        asked = ("--base-url", endpoint.url, "--model", "m", "--question", "q", "--answer", "a")
        assert run(monkeypatch, str(many), *asked, "--out", str(tmp_path / "l.db")) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_questions_that_all_failed_are_code_1_and_no_name_is_code_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, questions: str
) -> None:
    with Loopback(ScriptedSampler(reply, name="m"), api_key="right") as endpoint:
        asked = ("--base-url", endpoint.url, "--model", "m", "--question", "q", "--answer", "a", "-k", "2")
        assert run(monkeypatch, questions, *asked, "--out", str(tmp_path / "l.db")) == 1
    assert capsys.readouterr().err.startswith("tts-agent: no call brought a sample, the last one because: ")
    assert run(monkeypatch, "", "--model", "m") == 2
    assert capsys.readouterr().err == "tts-agent: no file or data set is named\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-k", "9..2"), "1 <= low <= high"),
        (("-k", "many"), "-k is 'many'"),
        (("--verifier", "nothing"), "there is no verifier 'nothing'"),
        (("--verifier", "exact:color"), "the key is one of"),
        (("--verifier", "math:x"), "takes nothing after a colon"),
        (("--verifier", "no.module:f"), "cannot be imported"),
        (("--verifier", "json:nothing"), "has no such function"),
        (("--verifier", "schema:none.json"), "cannot be read as JSON"),
        (("--answer", "solution"), "there is no column 'solution'; the columns are q, a"),
        (("--tariff", "cheap"), "give INPUT,OUTPUT"),
        (("--verifier", ":f"), "there is no verifier ':f'"),
        (("--temperature", "-1"), "--temperature is -1.0"),
        (("--max-tokens", "0"), "--max-tokens is 0"),
        (("--batch", "0"), "--batch is 0"),
        (("--budget", "0"), "a budget of 0 tokens"),
        (("--dollars", "1", "--model", "unheard-of"), "no price is known for 'unheard-of'"),
        (("--out", "/dev/null/l.db"), "there is no folder"),
        (("--out", "."), "is a folder: name a file"),
        (("--out", "questions.jsonl"), "a file of another kind"),
    ],
)
def test_what_is_typed_wrong_is_one_sentence_and_code_2(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    questions: str,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(Path(questions).parent)
    base = ("--question", "q", "--answer", "a", "--base-url", "http://127.0.0.1:9/v1", "--model", "m")
    assert run(monkeypatch, questions, *base, *arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert (printed.out, printed.err.count("\n")) == ("", 1)


def test_help_has_an_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--help") == 0
    assert "tts-agent label questions.jsonl" in capsys.readouterr().out
