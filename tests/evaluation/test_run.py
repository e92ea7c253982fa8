"""One run of the lab: banks in, report out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluation.synthetic import simulated, written
from tts_agent.evaluation.banks import BankError, load_bank, shipped_banks
from tts_agent.evaluation.contenders import self_consistency
from tts_agent.evaluation.lab import check_votes
from tts_agent.evaluation.run import run_replay

LARGEST = 150_000
"""Bytes of a bank that travels in the package."""


def test_the_shipped_banks_are_small_can_be_voted_on_and_found_by_name() -> None:
    if not shipped_banks():
        pytest.skip("no bank is shipped yet")
    for path in shipped_banks():
        assert path.stat().st_size <= LARGEST
        check_votes(load_bank(path))


def test_what_was_done_is_told_and_contenders_may_be_chosen(tmp_path: Path) -> None:
    path = written(simulated(12), tmp_path / "tiny.jsonl.gz")
    told: list[str] = []
    report = run_replay(
        [path],
        orderings=2,
        contenders={"mine": self_consistency},
        command="by hand",
        progress=told.append,
    )
    assert [line.partition("] ")[2].partition(" (")[0] for line in told] == ["running: tiny", "1 of 1 done: tiny"]
    assert report.single
    assert {"population", "Beta-Ewens", "Adaptive-Consistency"} == set(report.banks[0].ece)
    assert report.banks[0].predictor is None
    assert "mine" in report.banks[0].policies
    assert report.to_dict()["command"] == "by hand"
    with pytest.raises(BankError, match="more than once"):
        run_replay([path, path])


@pytest.mark.slow
def test_the_number_of_processes_does_not_change_the_results(tmp_path: Path) -> None:
    paths = [written(simulated(12, seed=seed), tmp_path / f"bank{seed}.jsonl.gz") for seed in range(2)]
    alone, together = (run_replay(paths, orderings=3, contenders={}, processes=number) for number in (1, 2))
    assert alone.to_dict() == together.to_dict()
