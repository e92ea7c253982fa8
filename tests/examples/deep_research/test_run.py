"""A run that is kept in a file: it outlives its process, in the same budget."""

from __future__ import annotations

import multiprocessing
import random
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from examples.deep_research import language
from examples.deep_research.pace import Priced
from tests.examples.deep_research.conftest import Desk
from tests.examples.deep_research.mortal import Life
from tts_agent import ConfigurationError

CAP = 4000


@pytest.fixture
def life(desk: Desk, priced: Priced, tmp_path: Path) -> Life:
    return Life(desk.questions[7].text, CAP, tmp_path / "run.db", tmp_path / "bills", priced)


def test_a_run_that_is_over_is_handed_out_again_at_no_cost(life: Life) -> None:
    state, spent = life.live()
    calls = len(life.billed())
    assert sum(life.billed()) == spent.tokens <= CAP
    again, still = life.live()
    assert (again["report"], still, len(life.billed())) == (state["report"], spent, calls)


def test_a_file_with_another_question_s_run_is_left_alone(life: Life, desk: Desk) -> None:
    life.live()
    with pytest.raises(ConfigurationError, match="keeps another run"):
        replace(life, question=desk.questions[8].text).live()


@pytest.mark.slow
def test_a_run_that_was_killed_at_any_call_ends_in_the_same_budget_with_a_report(life: Life, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    life.live()
    calls = len(life.billed())
    points = random.Random(0).choices(range(1, calls + 1), k=10)
    assert len(set(points)) > 3
    for number, point in enumerate(points):
        mortal = replace(life, keep=tmp_path / f"{number}.db", bills=tmp_path / f"{number}.bills", dies_at=point)
        process = context.Process(target=mortal.live)
        process.start()
        process.join()
        assert process.exitcode == -signal.SIGKILL
        assert len(mortal.billed()) == point
        state, spent = replace(mortal, dies_at=None).live()
        assert sum(mortal.billed()) <= spent.tokens <= CAP
        assert language.read_report(state["report"])
        assert len(mortal.billed()) <= calls + 2, "what was done before is not done again"
