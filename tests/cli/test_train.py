"""`tts-agent train`: labels become an estimator, or one sentence says why they cannot."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from tests.cli.running import run
from tests.difficulty.synthetic import HashEncoder, planted
from tts_agent.difficulty import DifficultyEstimator, write_labels
from tts_agent.learning.stored_labels import vote_counts
from tts_agent.routing.profile import read_profiles


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
    assert json.loads(json.dumps(loaded.card.to_json())) == said["card"]
    assert set(said["card"]["curves"]) == {"stage one", "class mean", "stage two", "stage one, same rows"}


def test_the_card_is_a_table_that_a_log_can_hold_and_a_picture_beside_the_estimator(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: Path
) -> None:
    assert run(monkeypatch, "train", rows, "--out", tmp_path / "e", "--device", "cpu") == 0
    lines = capsys.readouterr().out.splitlines()
    for name in ("stage one", "class mean", "length", "TF-IDF", "shuffled labels", "stage two"):
        assert any(line.split("0.")[0].split("1.")[0].split("2.")[0].strip() == name for line in lines)
    assert all(line.isascii() or set(line.strip()) == {"─"} for line in lines)
    assert max(len(line) for line in lines if not line.startswith(("trust", "Left"))) <= 80
    assert (tmp_path / "e" / "card.png").read_bytes().startswith(b"\x89PNG")


def test_a_label_store_gives_profiles_of_its_classes_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    store, out = tmp_path / "l.db", tmp_path / "e"
    assert run(monkeypatch, "label", "embedded:50", "-k", "2", "--batch", "2", "--seed", "1", "--out", store) == 0
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
    row = rows.read_text(encoding="utf-8").splitlines()[0]
    for name, content in {
        "empty": b"",
        "other": b'{"question": "What is 2 + 2?", "answer": "4"}\n',
        "mixed": row.encode() + b"\n" + row.replace("Sort", "Sört").encode("latin-1") + b"\n",
        "easy": json.dumps(json.loads(row) | {"passed": 7, "first_passed": True}).encode(),
    }.items():
        (tmp_path / f"{name}.jsonl").write_bytes(content)
    (tmp_path / "table.csv").write_text("text,kind\nq,k\n", encoding="utf-8")
    (tmp_path / "few.jsonl").write_text("".join(rows.read_text(encoding="utf-8").splitlines(keepends=True)[:80]))
    sqlite3.connect(tmp_path / "other.db").execute("CREATE TABLE t (x)").connection.close()
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    capsys.readouterr()
    cases: list[tuple[list[str | Path], str]] = [
        (["train", tmp_path / "empty.jsonl", "--out", out], "holds no labels"),
        (["train", tmp_path / "other.jsonl", "--out", out], "other.jsonl:1: the row lacks group, kind, model"),
        (["train", tmp_path / "mixed.jsonl", "--out", out], "of the line is not UTF-8"),
        (["train", tmp_path / "easy.jsonl", "--out", out], "every sample passed"),
        (["train", tmp_path / "few.jsonl", "--out", out], "about 10 different questions"),
        (["train", tmp_path / "table.csv", "--out", out], "table.csv:1: the line is not JSON"),
        (["train", tmp_path / "other.db", "--out", out], "is no label store"),
        (["train", tmp_path / "none.jsonl", "--out", out], "cannot be read"),
        (["train", rows, "--out", out, "--device", "cuda"], "torch sees no CUDA device"),
        (["train", rows, "--out", rows], "cannot be written"),
        (["train", rows, "--out", rows / "e"], f"{rows} is no folder that may be written to"),
        (["train", rows, "--out", tmp_path], "holds other files"),
    ]
    for arguments, said in cases:
        assert run(monkeypatch, *arguments) != 0
        assert said in capsys.readouterr().err.splitlines()[-1]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_full_disk_is_one_sentence_and_leaves_the_old_estimator_and_the_vectors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, rows: Path
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    out = tmp_path / "e"
    assert run(monkeypatch, "train", rows, "--out", out) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    capsys.readouterr()
    with monkeypatch.context() as disk:
        disk.setattr(Path, "replace", full)
        assert run(monkeypatch, "train", rows, "--out", out, "--seed", "1") == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == f"tts-agent: {out} cannot be written: No space left on device"
    assert "embedded" not in said
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
