"""`tts-agent train`: labels become an estimator, or one sentence says why they cannot."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.difficulty.synthetic import HashEncoder, planted
from tts_agent.cli import main
from tts_agent.difficulty import DifficultyEstimator, write_labels
from tts_agent.learning.stored_labels import vote_counts
from tts_agent.routing.profile import read_profiles


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["tts-agent", *map(str, arguments)])
    try:
        main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


@pytest.fixture(autouse=True)
def quick_encoder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("tts_agent.cli.train.SentenceEncoder", lambda name, device: HashEncoder())


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    write_labels(tmp_path / "labels.jsonl", planted(100))
    return tmp_path / "labels.jsonl"


def test_label_rows_become_an_estimator_with_its_card(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: Path
) -> None:
    assert run(monkeypatch, "train", rows, "--out", tmp_path / "e", "--json", "--device", "cpu") == 0
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert said["card"]["test_questions"] == 20
    assert "100 questions are few" in printed.err
    loaded = DifficultyEstimator.load(tmp_path / "e", encoder=HashEncoder())
    assert set(loaded.kinds) == {"chain", "sort"}
    assert loaded.card.to_json() == said["card"]


def test_a_label_store_gives_profiles_of_its_classes_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store, out = tmp_path / "l.db", tmp_path / "e"
    assert run(monkeypatch, "label", "embedded:60", "-k", "4", "--batch", "4", "--seed", "1", "--out", store) == 0
    assert run(monkeypatch, "train", store, "--out", out) == 0
    profiles = read_profiles(DifficultyEstimator.load(out, encoder=HashEncoder()).profiles)
    assert set(profiles) == set(vote_counts(store))
    assert all(profile.population and profile.reference for profile in profiles.values())


def test_vectors_are_kept_for_the_next_training_unless_told_not_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: Path
) -> None:
    assert run(monkeypatch, "train", rows, "--out", tmp_path / "e", "--no-cache") == 0
    assert not (tmp_path / "cache").exists()
    assert run(monkeypatch, "train", rows, "--out", tmp_path / "e") == 0
    assert "embedded 100 of 100 new texts" in capsys.readouterr().err
    assert run(monkeypatch, "train", rows, "--out", tmp_path / "e", "--seed", "1") == 0
    assert "embedded" not in capsys.readouterr().err


def test_the_same_seed_gives_the_same_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, rows: Path) -> None:
    for name in ("one", "two"):
        assert run(monkeypatch, "train", rows, "--out", tmp_path / name, "--seed", "3") == 0
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_what_cannot_be_done_is_said_in_one_sentence_and_leaves_the_old_estimator(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: Path
) -> None:
    out = tmp_path / "e"
    assert run(monkeypatch, "train", rows, "--out", out) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    capsys.readouterr()
    cases: list[tuple[list[str | Path], str]] = [
        (["train", empty, "--out", out], "holds no labels"),
        (["train", tmp_path / "none.jsonl", "--out", out], "cannot be read"),
        (["train", rows, "--out", out, "--device", "cuda"], "torch sees no CUDA device"),
        (["train", rows, "--out", rows], "cannot be written"),
        (["train", rows, "--out", tmp_path], "holds other files"),
    ]
    for arguments, said in cases:
        assert run(monkeypatch, *arguments) != 0
        assert said in capsys.readouterr().err.splitlines()[-1]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
