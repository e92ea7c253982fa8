"""The command of the example, with the trained model and with one behind an endpoint."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from examples.deep_research import scripted
from examples.deep_research.__main__ import main
from tests.examples.deep_research.conftest import Desk
from tts_agent.cli import main as tts_agent
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler


def test_without_a_question_it_lists_some(capsys: pytest.CaptureFixture[str], desk: Desk) -> None:
    assert main([]) == 0
    assert desk.questions[0].text in capsys.readouterr().out


def test_the_trained_model_answers_with_a_citation_inside_the_budget(
    capsys: pytest.CaptureFixture[str], desk: Desk
) -> None:
    question = desk.questions[6]
    assert main([question.text, "--budget", "300"]) == 0
    said = capsys.readouterr().out
    assert f"answer {question.answer}" in said
    assert f"[{question.sources[0][0]}]" in said
    assert int(said.splitlines()[-1].split()[0]) <= 300


def test_what_is_recorded_is_shown_step_by_step(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, desk: Desk, tmp_path: Path
) -> None:
    question, records = desk.questions[6].text, tmp_path / "records.sqlite"
    assert main([question, "--budget", "300", "--record", str(records)]) == 0
    spent = int(capsys.readouterr().out.splitlines()[-1].split()[0])
    monkeypatch.setattr(sys, "argv", ["tts-agent", "report", str(records), "--task", question, "--json"])
    with pytest.raises(SystemExit, match="0"):
        tts_agent()
    (shown,) = json.loads(capsys.readouterr().out)["timelines"]
    assert {"plan", "query writing", "reading", "synthesis"} <= {step["kind"] for step in shown["steps"]}
    assert shown["steps"][-1]["spent"] == spent
    for step in shown["steps"]:
        assert 0.0 < step["pass_rate"] < 1.0
        assert step["price"] > 0.0
        assert step["worth"] > 0.0


def test_any_model_of_an_endpoint_runs_the_same_graph(
    capsys: pytest.CaptureFixture[str], desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-nobody")
    question = desk.questions[5]
    with Loopback(ScriptedSampler(scripted.reply)) as endpoint:
        code = main([question.text, "--budget", "60000", "--model", "scripted", "--base-url", endpoint.url])
    said = capsys.readouterr()
    assert (code, said.err) == (0, "")
    assert f"answer {question.answer} ." in said.out
    assert any(message.get("tool_calls") for body in endpoint.requests for message in body["messages"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["who is the mayor of selby ?", "--budget", "20"], "20 tokens are too few for any answer: it takes"),
        (["who is the mayor of selby ?", "--base-url", "http://127.0.0.1:1/v1"], "--base-url needs --model"),
        ([" ", "--budget", "1000"], "the question is empty"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(f"error: {said}")
