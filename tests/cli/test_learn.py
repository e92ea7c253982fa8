"""`tts-agent learn`: records become a better estimator, or one sentence says why not, and nothing is lost."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.difficulty.synthetic import HashEncoder, planted
from tests.learning.records import simulated
from tts_agent.difficulty import DifficultyEstimator
from tts_agent.difficulty.two_stage import FitSettings
from tts_agent.learning.record_file import Record, append, begin, set_outcome


@pytest.fixture(scope="module")
def trained() -> DifficultyEstimator:
    return DifficultyEstimator.fit(planted(100), encoder=HashEncoder(), settings=FitSettings.small())[0]


@pytest.fixture(autouse=True)
def estimator(monkeypatch: pytest.MonkeyPatch, trained: DifficultyEstimator, tmp_path: Path) -> Path:
    monkeypatch.setattr("tts_agent.cli.resolve.estimator", lambda folder, model: trained)
    trained.save(tmp_path / "old")
    return tmp_path / "old"


def recorded(path: Path, records: list[Record]) -> Path:
    with closing(begin(path)) as database:
        append(database, records, 10_000)
        for record in records:
            if record.task is not None and record.correct is not None:
                set_outcome(database, record.task, record.correct)
    return path


def test_records_of_a_shifted_world_replace_the_estimator(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, estimator: Path
) -> None:
    path = recorded(tmp_path / "r.sqlite", simulated(200, flipped=True)[0])
    asked = ("learn", path, "--estimator", estimator, "--out", estimator, "--no-cache", "--json")
    assert run(monkeypatch, *asked) == 0
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert (said["kept"], said["records"], said["outcomes"]) == ("new", 200, 200)
    assert said["compared"]["new"] < said["compared"]["old"]
    assert "200 of 200 records can be learned from, 200 by an outcome of their own" in printed.err
    assert DifficultyEstimator.load(estimator, encoder=HashEncoder()).models == ("m",)
    assert (estimator / "card.png").is_file()


def test_a_refit_that_is_worse_is_not_written_and_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = recorded(tmp_path / "r.sqlite", simulated(100, samples=(1,))[0])
    monkeypatch.setattr("tts_agent.learning.refit.Comparison.kept", False)
    assert run(monkeypatch, "learn", path, "--out", tmp_path / "new", "--no-cache") == 0
    said = capsys.readouterr().out
    assert "the old estimator stays" in said
    assert "nothing was written" in said
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda one: replace(one, text="0" * 64), 'text="stored"'),
        (lambda one: replace(one, correct=None), "has an outcome"),
        (lambda one: replace(one, model=("a", "b")[one.time < 10]), "of several models: name one by --model: a, b"),
        (lambda one: one, "30 different questions"),
    ],
)
def test_records_that_cannot_be_learned_from_are_refused_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, change: object, sentence: str
) -> None:
    assert callable(change)
    path = recorded(tmp_path / "r.sqlite", [change(one) for one in simulated(30)[0]])
    assert run(monkeypatch, "learn", path, "--out", tmp_path / "new", "--no-cache") == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert sentence in said
    assert not (tmp_path / "new").exists()


def test_the_newest_records_of_one_model_can_be_chosen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = recorded(tmp_path / "r.sqlite", simulated(30)[0])
    assert run(monkeypatch, "learn", path, "--out", tmp_path / "new", "--newest", "10") == 2
    assert "10 different questions" in capsys.readouterr().err
    assert run(monkeypatch, "learn", path, "--out", tmp_path / "new", "--model", "x") == 2
    assert "there are only records of 'm'" in capsys.readouterr().err
    assert run(monkeypatch, "learn", path, "--newest", "0") == 2
    assert run(monkeypatch, "learn", path, "--seed", "-1") == 2
    assert run(monkeypatch, "learn", recorded(tmp_path / "e.sqlite", []), "--out", tmp_path / "new") == 2
    assert "e.sqlite holds no records" in capsys.readouterr().err
    assert run(monkeypatch, "learn", tmp_path / "none.sqlite", "--out", tmp_path / "new") == 2
    assert "no such file" in capsys.readouterr().err
