"""Outcomes of tasks: certain for a task of one step, and shared fairly among the steps of a wrong one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.learning.task_outcomes import TaskStep, steps_right


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=30))
def test_a_step_that_is_all_of_its_task_is_right_as_the_task_is(outcomes: list[tuple[bool, int]]) -> None:
    steps = [TaskStep(number, correct, like) for number, (correct, like) in enumerate(outcomes)]
    assert steps_right(steps) == [float(correct) for correct, _ in outcomes]


def test_of_wrong_tasks_the_steps_are_as_often_right_as_they_are() -> None:
    random = np.random.default_rng(1)
    rates = {"easy": 0.95, "hard": 0.6}
    steps: list[TaskStep] = []
    truth: list[bool] = []
    for task in range(1_000):
        likes = [str(like) for like in random.choice(["easy", "hard"], size=4, p=[0.7, 0.3])]
        right = [bool(random.random() < rates[like]) for like in likes]
        steps += [TaskStep(task, all(right), like) for like in likes]
        truth += right
    found = steps_right(steps)
    for like in rates:
        own = [number for number, step in enumerate(steps) if step.like == like and not step.correct]
        assert np.mean([found[number] for number in own]) == pytest.approx(
            np.mean([truth[number] for number in own]), abs=0.05
        )
    assert all(p == 1.0 for p, step in zip(found, steps, strict=True) if step.correct)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=40), st.integers(0, 5))
def test_in_a_wrong_task_at_least_one_step_is_expected_to_be_wrong(drawn: list[tuple[int, int]], wrong: int) -> None:
    steps = [TaskStep(task, task != wrong, like) for task, like in drawn]
    found = steps_right(steps)
    own = [1.0 - p for step, p in zip(steps, found, strict=True) if step.task == wrong]
    assert not own or sum(own) >= 1.0 - 1e-6
