"""The training command: labels in, card and folder out, one sentence when the input is at fault."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.difficulty.synthetic import HashEncoder, planted
from training import train_estimator
from tts_agent.difficulty import DifficultyEstimator, write_labels


@pytest.fixture(autouse=True)
def no_real_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_estimator, "SentenceEncoder", lambda name: HashEncoder())


def run(labels: Path, out: Path, *further: str) -> int:
    return train_estimator.main(["--labels", str(labels), "--out", str(out), "--seed", "1", *further])


def test_it_prints_the_card_and_saves_the_estimator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_labels(tmp_path / "labels.jsonl", planted(60, samples=2))
    (tmp_path / "profiles.json").write_text(json.dumps({"chain": {"theta": 0.5}}))
    assert run(tmp_path / "labels.jsonl", tmp_path / "out", "--profiles", str(tmp_path / "profiles.json")) == 0
    back = DifficultyEstimator.load(tmp_path / "out", encoder=HashEncoder())
    assert back.card.seed == 1
    assert back.profiles["chain"]["theta"] == 0.5
    assert back.card.table() in capsys.readouterr().out


@pytest.mark.parametrize("profiles", ["[", "[]", '{"chain": 1}', '{"chain": {"theta": "x"}}'])
def test_bad_profiles_are_named_before_anything_is_trained(
    profiles: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_labels(tmp_path / "labels.jsonl", planted(60, samples=2))
    (tmp_path / "profiles.json").write_text(profiles)
    assert run(tmp_path / "labels.jsonl", tmp_path / "out", "--profiles", str(tmp_path / "profiles.json")) == 2
    assert "profile" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_bad_labels_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "labels.jsonl").write_text("{}\n")
    assert run(tmp_path / "labels.jsonl", tmp_path / "out") == 2
    assert "labels.jsonl:1: the row lacks" in capsys.readouterr().err
