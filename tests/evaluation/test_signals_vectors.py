"""Vectors of questions: encoded once, kept in a file, or given by id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.difficulty.synthetic import HashEncoder
from tests.evaluation.synthetic import simulated
from tts_agent.evaluation.banks import BankError
from tts_agent.evaluation.signals_vectors import FiledEncoder, load_vectors, question_vectors


def test_another_process_finds_the_vectors_in_the_file(tmp_path: Path) -> None:
    first, second = HashEncoder(), HashEncoder()
    one = FiledEncoder(first, tmp_path / "new").encode(["a", "b", "a"])
    other = FiledEncoder(second, tmp_path / "new")
    np.testing.assert_array_equal(other.encode(["b", "a"]), one[[1, 0]])
    assert second.asked == []
    other.encode(["a", "c"])
    assert second.asked == [["c"]]


def test_encoders_do_not_share_a_file(tmp_path: Path) -> None:
    FiledEncoder(HashEncoder(8), tmp_path).encode(["a"])
    assert FiledEncoder(HashEncoder(4), tmp_path).encode(["a"]).shape == (1, 4)


def test_a_damaged_file_is_written_anew(tmp_path: Path) -> None:
    encoder = FiledEncoder(HashEncoder(), tmp_path)
    encoder.path.write_bytes(b"no zip")
    encoder.encode(["a"])
    assert len(load_vectors(encoder.path)) == 1


def test_vectors_are_given_by_id_where_texts_are_not() -> None:
    bank = simulated(4)
    hidden = replace(bank, questions=tuple(replace(q, question=None) for q in bank.questions))
    known = {q.id: np.full(3, number, dtype=np.float32) for number, q in enumerate(bank.questions)}
    assert question_vectors(hidden, HashEncoder(), known)[:, 0].tolist() == [0, 1, 2, 3]
    assert question_vectors(bank, HashEncoder(), known).shape == (4, 8)
    assert not question_vectors(hidden, HashEncoder(), {}).any()


def test_a_file_of_another_form_is_refused(tmp_path: Path) -> None:
    for name, arrays in {
        "keys": {"x": np.zeros(2)},
        "shape": {"ids": np.array(["a"]), "emb": np.zeros((2, 3))},
    }.items():
        np.savez(tmp_path / f"{name}.npz", **arrays)  # type: ignore[arg-type]
        with pytest.raises(BankError, match=name):
            load_vectors(tmp_path / f"{name}.npz")
    with pytest.raises(BankError, match="missing"):
        load_vectors(tmp_path / "missing.npz")
