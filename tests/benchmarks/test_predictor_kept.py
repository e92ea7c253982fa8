"""Measurements that are kept."""

from pathlib import Path

import pytest

from benchmarks.predictor_kept import Kept


def test_what_was_measured_is_not_measured_again_unless_settings_differ(tmp_path: Path) -> None:
    calls: list[str] = []

    def measure() -> list[float]:
        calls.append("measured")
        return [1.5]

    assert Kept(tmp_path, {"seed": 0}).get("bank", measure) == [1.5]
    assert Kept(tmp_path, {"seed": 0}).get("bank", measure) == [1.5]
    assert len(calls) == 1
    Kept(tmp_path, {"seed": 1}).get("bank", measure)
    Kept(tmp_path, {"seed": 1}, fresh=True).get("bank", measure)
    assert len(calls) == 3


def test_a_failure_and_a_file_cut_short_leave_nothing_that_counts(tmp_path: Path) -> None:
    kept = Kept(tmp_path, {})

    def fails() -> None:
        raise OSError("no such bank")

    with pytest.raises(OSError, match="no such bank"):
        kept.get("bank", fails)
    (tmp_path / "bank.json").write_text('{"settings": {}, "val', encoding="utf-8")
    assert kept.get("bank", lambda: 2) == 2
