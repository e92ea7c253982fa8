"""Classes that no column names: profiled, stored, and found again by every door for questions that are new."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from langchain.agents import create_agent
from langchain_core.messages import HumanMessage

from tests.cli.running import run
from tests.nodes.models import openai_model
from tts_agent.difficulty import Estimator
from tts_agent.messages import user
from tts_agent.nodes import METADATA_KEY, AdaptiveReasoning
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import MarginalValue
from tts_agent.routing.profile_file import ProfileFile
from tts_agent.sampling import SampleRequest
from tts_agent.step import Step
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import ScriptedSampler

SUMS = [f"What is the sum of {n * 67 % 191} and {n * 41 % 173}?" for n in range(1, 11)]
CITIES = [f"Name the capital city of country number {n} on the map." for n in range(10)]
NEW_SUM, NEW_CITY = "What is the sum of 112 and 54?", "Name the capital city of country number 77 on the map."


def reply(request: SampleRequest, index: int) -> str:
    return "The answer is 4." if index % 3 else "The answer is 5."


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Loopback]:
    with Loopback(ScriptedSampler(reply, name="scripted")) as found:
        yield found


@pytest.fixture(scope="module")
def path(endpoint: Loopback, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A profile of questions without classes, in which votes are then said to hurt sums."""
    out = tmp_path_factory.mktemp("profile")
    rows = [{"q": question, "a": 4} for question in [*SUMS, *CITIES]]
    (out / "questions.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        data = (str(out / "questions.jsonl"), "--question", "q", "--answer", "a", "--classes", "2")
        where = ("--model", "scripted", "--base-url", endpoint.url, "--out", str(out))
        assert run(patch, "profile", *data, *where, "--arms", "self_consistency=3", "--seed", "1", "--json") == 0
    known = ProfileFile.read(out / "profile.json")
    sums = next(kind for kind in known.profiles if "sum" in kind)
    held = {**known.profiles, sums: replace(known.profiles[sums], most_samples=1)}
    replace(known, profiles=held).write(out / "profile.json")
    return out / "profile.json"


@pytest.fixture(scope="module")
def known(path: Path) -> ProfileFile:
    return ProfileFile.read(path)


@pytest.fixture(scope="module")
def estimator(known: ProfileFile) -> Estimator:
    found = known.estimator()
    assert found is not None
    return found


def policy(known: ProfileFile) -> MarginalValue:
    return MarginalValue(price=1e-5, profiles=known.profiles)


def test_the_page_says_that_classes_were_found_and_shows_a_question_of_each(known: ProfileFile, path: Path) -> None:
    page = path.with_name("profile.html").read_text(encoding="utf-8")
    assert "No column names classes: 2 were found in the texts." in page
    assert all(f"<td>{kind}</td>" in page for kind in known.profiles)


@pytest.mark.parametrize(("question", "most"), [(NEW_SUM, 1), (NEW_CITY, 16)])
def test_a_turn_over_holds_the_reasoner_for_new_questions_of_its_class(
    known: ProfileFile, estimator: Estimator, question: str, most: int
) -> None:
    reasoner = AdaptiveReasoner(ScriptedSampler(reply), policy=policy(known), estimator=estimator)
    result = reasoner.run(Step((user(question),)))
    assert result.step.kind in known.profiles
    assert (len(result.outcome.samples) > 1) == (most > 1)


def test_an_agent_is_held_too_and_its_trace_names_the_class(
    known: ProfileFile, estimator: Estimator, endpoint: Loopback
) -> None:
    middleware = AdaptiveReasoning(policy=policy(known), estimator=estimator)
    agent = create_agent(openai_model(endpoint), [], middleware=[middleware])
    for question, voted in ((NEW_SUM, False), (NEW_CITY, True)):
        before = len(endpoint.requests)
        said = agent.invoke({"messages": [HumanMessage(question)]})["messages"][-1]
        assert (len(endpoint.requests) - before > 1) == voted
        assert said.response_metadata[METADATA_KEY]["strategy"] == ("self_consistency" if voted else "single")


def test_solve_reads_the_classes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], path: Path, endpoint: Loopback
) -> None:
    where = ("--model", "scripted", "--base-url", endpoint.url, "--profile", str(path), "--price", "1e-5", "--json")
    for question, voted in ((NEW_SUM, False), (NEW_CITY, True)):
        assert run(monkeypatch, "solve", question, *where) == 0
        assert (json.loads(capsys.readouterr().out)["calls"] > 1) == voted


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["embedded:5", "--classes", "2"], "the data name classes of their own"),
        (["QUESTIONS", "--classes", "0"], "--classes is 0: at least 1 is needed"),
        (["QUESTIONS", "--classes", "21"], "21 classes of 20 different texts"),
    ],
)
def test_a_wrong_number_of_classes_gets_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    sentence: str,
) -> None:
    rows = [{"question": question, "answer": 4} for question in [*SUMS, *CITIES]]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    data = arguments[0].replace("QUESTIONS", str(tmp_path / "q.jsonl"))
    assert run(monkeypatch, "profile", data, *arguments[1:], "--out", str(tmp_path / "p")) != 0
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "p").exists()


def test_the_demo_has_classes_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, known: ProfileFile
) -> None:
    replace(known, model="embedded").write(tmp_path / "profile.json")
    assert run(monkeypatch, "demo", "--profile", str(tmp_path / "profile.json")) != 0
    assert "profile embedded:N" in capsys.readouterr().err


def test_a_file_with_damaged_classes_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, path: Path
) -> None:
    raw = json.loads(path.read_text(encoding="utf-8"))
    raw["classes"]["found"][0]["centre"].pop()
    (tmp_path / "profile.json").write_text(json.dumps(raw), encoding="utf-8")
    assert run(monkeypatch, "solve", NEW_SUM, "--model", "scripted", "--profile", str(tmp_path / "profile.json")) != 0
    assert "cannot be read as a profile" in capsys.readouterr().err
