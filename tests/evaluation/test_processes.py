"""Jobs are done once each, and a person is told."""

from __future__ import annotations

import os
from functools import partial

import pytest

from tts_agent.evaluation.processes import Job, run_jobs


def double(number: int) -> int:
    return 2 * number


def fails() -> int:
    raise ValueError("no")


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_jobs_and_the_heaviest_starts_first(processes: int) -> None:
    told: list[str] = []
    before = dict(os.environ)
    done = run_jobs([Job(f"job {n}", partial(double, n), float(n)) for n in range(3)], processes, told.append)
    assert [each.result for each in done] == [0, 2, 4]
    assert [each.name for each in done] == ["job 0", "job 1", "job 2"]
    assert all(each.seconds >= 0.0 for each in done)
    assert told[0].endswith("running: job 2")
    assert len(told) == 6
    assert "3 of 3 done" in told[-1]
    assert dict(os.environ) == before


def test_a_job_that_fails_is_no_result() -> None:
    with pytest.raises(ValueError, match="no"):
        run_jobs([Job("bad", fails)])
