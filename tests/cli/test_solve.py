"""`tts-agent solve`: what is typed right is answered, what is typed wrong gets one sentence and a code."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.running import run
from tts_agent.embedded import EmbeddedSampler
from tts_agent.testing.loopback import Loopback

QUESTION = "Start with 4. Add 3. What is the result?"
OFFLINE = ("--estimator", "none", "--seed", "1")


def complaint(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("tts-agent: ")
    assert printed.err.count("\n") == 1
    return printed.err


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Loopback]:
    with Loopback(EmbeddedSampler(name="tiny"), api_key="right-key") as server:
        yield server


def test_a_question_is_answered_by_the_embedded_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "solve", QUESTION, *OFFLINE) == 0
    assert capsys.readouterr().out == "4+3=7 ; answer 7\n"


def test_the_question_may_come_from_standard_input() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tts_agent.cli", "solve", "-", *OFFLINE],
        input=QUESTION.encode(),
        capture_output=True,
        check=True,
    )
    assert b"answer 7" in done.stdout


def test_explain_tells_strategy_votes_probability_tokens_and_why_it_stopped(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "solve", QUESTION, "--explain", "--budget", "5000", *OFFLINE) == 0
    printed = capsys.readouterr().out
    for word in ("strategy", "price of a token", "value of each", "votes", "P(correct)", "tokens", "stopped because"):
        assert word in printed


def test_json_holds_the_answer_and_the_whole_trace(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "solve", QUESTION, "--json", *OFFLINE) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["answer"] == "7"
    assert [event["event"] for event in said["events"]][:2] == ["drawn", "decided"]


def test_a_strategy_and_its_verifier_are_chosen_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = ("--strategy", "best_of_n", "--verifier", "agreement")
    assert run(monkeypatch, "solve", QUESTION, "--json", *chosen, *OFFLINE) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["answer"], said["strategy"]) == ("7", "best_of_n")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        pytest.param((" ",), 2, "the question is empty", id="empty question"),
        pytest.param((QUESTION, "--budget", "-5"), 2, "a budget of -5 tokens", id="negative budget"),
        pytest.param((QUESTION, "--budget", "9"), 1, "9 of the budget are left", id="budget too small for a call"),
        pytest.param((QUESTION, "--price", "-1"), 2, "prices must be >= 0", id="negative price"),
        pytest.param((QUESTION, "--max-tokens", "0"), 2, "--max-tokens is 0", id="no tokens"),
        pytest.param((QUESTION, "--temperature", "-1"), 2, "--temperature is -1.0", id="negative temperature"),
        pytest.param(("caf\udce9",), 2, "not UTF-8", id="not UTF-8"),
        pytest.param((QUESTION, "--base-url", "http://127.0.0.1:9"), 2, "--base-url needs --model", id="no model"),
        pytest.param((QUESTION, "--estimator", "nowhere"), 2, "nowhere", id="no such estimator"),
        pytest.param((QUESTION, "--strategy", "nothing"), 2, "no strategy 'nothing'", id="no such strategy"),
        pytest.param((QUESTION, "--strategy", "best_of_n"), 2, "needs a verifier", id="a verifier is missing"),
        pytest.param((QUESTION, "--verifier", "judge"), 2, "--verifier needs --strategy", id="no use for a verifier"),
        pytest.param(
            (QUESTION, "--strategy", "single", "--price", "1"), 2, "--price has no say", id="no use for prices"
        ),
    ],
)
def test_what_is_typed_wrong_gets_one_sentence_and_a_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    code: int,
    says: str,
) -> None:
    settings = ("--seed", "1") if "--estimator" in arguments else OFFLINE
    assert run(monkeypatch, "solve", *arguments, *settings) == code
    assert says in complaint(capsys)


def test_a_question_that_the_embedded_model_cannot_read_says_what_it_can(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "solve", "Who wrote Hamlet?", *OFFLINE) == 1
    assert "name a model with --model" in capsys.readouterr().err


def test_an_unknown_flag_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "solve", QUESTION, "--bugdet", "5") == 2


def test_a_model_behind_an_endpoint_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], endpoint: Loopback
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "right-key")
    there = ("--model", "tiny", "--base-url", endpoint.url)
    assert run(monkeypatch, "solve", QUESTION, *there, "--temperature", "1", "--seed", "1") == 0
    assert "answer 7" in capsys.readouterr().out


def test_an_unknown_model_a_wrong_key_and_an_endpoint_that_is_down_are_run_time_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], endpoint: Loopback
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "right-key")
    assert run(monkeypatch, "solve", QUESTION, "--model", "no-such-model", "--base-url", endpoint.url) == 1
    assert "no-such-model" in complaint(capsys)
    monkeypatch.setenv("OPENAI_API_KEY", "wrong-key")
    assert run(monkeypatch, "solve", QUESTION, "--model", "no-such-model", "--base-url", endpoint.url) == 1
    said = complaint(capsys)
    assert "key" in said
    assert "wrong-key" not in said
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert run(monkeypatch, "solve", QUESTION, "--model", "m", "--base-url", f"http://127.0.0.1:{port}/v1") == 1
    assert str(port) in complaint(capsys)
