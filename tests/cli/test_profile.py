"""`tts-agent profile`: the commands of its page work, its report opens in a browser, and mistakes get one sentence."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import run
from tts_agent.routing.profile_file import ProfileFile
from tts_agent.sampling import SampleRequest
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

ARMS = ("--arms", "self_consistency=3,5 first_finish", "--seed", "1")


def reply(request: SampleRequest, index: int) -> str:
    return "The answer is 4." if index % 3 else "The answer is 5."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile of an endpoint's model, with two classes from a column."""
    out = tmp_path_factory.mktemp("profile")
    rows = [{"q": f"question {n}?", "a": 4, "topic": ("sums", "<b>")[n % 2]} for n in range(12)]
    (out / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with Loopback(ScriptedSampler(reply, name="m")) as endpoint, pytest.MonkeyPatch.context() as patch:
        data = (str(out / "questions.jsonl"), "--question", "q", "--answer", "a", "--kind", "topic")
        where = ("--model", "m", "--base-url", endpoint.url, "--out", str(out))
        assert run(patch, "profile", *data, *where, *ARMS, "--json") == 0
    return out


def test_a_profile_of_an_endpoint_has_every_class_of_the_column(folder: Path) -> None:
    found = ProfileFile.read(folder / "profile.json")
    assert (found.model, sorted(found.profiles)) == ("m", ["<b>", "sums"])
    assert found.profiles["sums"].population is not None


def test_the_report_loads_nothing_from_elsewhere(folder: Path) -> None:
    text = (folder / "profile.html").read_text(encoding="utf-8")
    assert not re.search(r"(src|href|url|@import|https?:|<script)", text)
    assert "<b>" not in text
    assert "&lt;b&gt;" in text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="chromium is not installed")
def test_the_report_opens_in_a_browser_and_draws_its_curves(folder: Path, tmp_path: Path) -> None:
    own = f"--user-data-dir={tmp_path / 'browser'}"
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", own, "--dump-dom"]
    page = (folder / "profile.html").as_uri()
    shown = subprocess.run([*command, page], capture_output=True, text=True, timeout=120, check=True).stdout
    assert shown.count("<svg") == 2
    assert shown.count("<polyline") == 4  # two strategies in each of two classes


def test_the_router_of_solve_reads_a_profile_of_the_embedded_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "profile", "embedded:5", *ARMS, "--estimator", "none", "--out", str(tmp_path)) == 0
    assert "5 of 5 items" in capsys.readouterr().out
    asked = ("solve", "Start with 47. Add 38. What is the result?", "--estimator", "none", "--seed", "1")
    assert run(monkeypatch, *asked, "--profile", str(tmp_path / "profile.json"), "--explain") == 0
    assert "85" in capsys.readouterr().out


def test_a_dry_run_costs_nothing_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "profile", "embedded:5", *ARMS, "--dry-run", "--json", "--out", str(tmp_path / "p")) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["most_samples"] == 5 * 5
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--arms", "voting=3"], "no size"),
        (["--arms", "voting"], "there is no strategy 'voting'"),
        (["--arms", "self_consistency=x"], "sizes of self_consistency are such as"),
        (["--arms", "self_consistency=0"], "at least 1"),
        (["--arms", "single"], "nothing to compare"),
        (["--arms", "first_finish first_finish"], "is there twice"),
        (["--price", "-1"], "cannot be negative"),
        (["--dollars", "1"], "no price is known"),
        (["--per-class", "0"], "--per-class is 0"),
        (["--check", "nobody"], "there is no verifier 'nobody'"),
        (["--budget", "10"], "the budget of the run ended"),
    ],
)
def test_what_is_typed_wrong_gets_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    assert run(monkeypatch, "profile", "embedded:5", "--out", str(tmp_path / "p"), *arguments) != 0
    said = capsys.readouterr().err
    assert sentence in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read as a profile"),
        ("[]", "cannot be read as a profile"),
        ('{"version": 9}', "this release reads 1"),
        ('{"version": 1, "model": "m", "profiles": {}, "rates": {}}', "measured with the model 'm'"),
    ],
)
def test_a_profile_of_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    content: str | None,
    sentence: str,
) -> None:
    path = tmp_path / "profile.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert run(monkeypatch, "solve", "2+2?", "--profile", str(path)) != 0
    assert sentence in capsys.readouterr().err


def test_progress_in_a_log_says_rate_tokens_money_cap_and_what_is_left(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tts_agent.cli.label_progress.SECONDS_BETWEEN_LINES", 0.0)
    asked = ("profile", "embedded:3", "--arms", "self_consistency=3", "--estimator", "none", "--out", str(tmp_path))
    money = ("--tariff", "1,2", "--dollars", "1", "--budget", "100000", "--concurrency", "1")
    assert run(monkeypatch, *asked, *money, "--json") == 0
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    first, *_, last = printed.err.splitlines()
    assert first.startswith("1 of 3 questions, 3 samples, ")
    assert last.startswith("3 of 3 questions, 9 samples, ")
    for part in ("/s, ", f"{said['tokens']:,} tokens, ", f"${said['dollars']:.4f}, ", "cap 100,000 tokens and $1, "):
        assert part in last
    assert "about 0 s left" in last
    assert said["dollars"] > 0.0


def test_prices_that_are_none_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ("profile", "embedded:3", "--arms", "self_consistency=3", "--out", str(tmp_path / "new"))
    assert run(monkeypatch, *asked, "--tariff", "cheap") == 2
    assert "--tariff is 'cheap': give INPUT,OUTPUT" in capsys.readouterr().err
    assert run(monkeypatch, *asked, "--dollars", "1") == 2
    assert "give --tariff INPUT,OUTPUT" in capsys.readouterr().err
