"""From the outcome of a task to how likely each of its steps was right.

Taken to be right where all its steps were: a right task has right steps, and a wrong one at least one that is wrong,
nobody says which. With q_i = P(step i is right) before the outcome is known, the steps taken as independent,

    P(step i is right | the task is wrong) = (q_i - q_1 ... q_m) / (1 - q_1 ... q_m).

q belongs to the step's class and signals and is fitted to all outcomes by expectation-maximization (multiple instances
that share one label: Maron and Lozano-Perez, NIPS 1998, whose noisy-or is this with right and wrong exchanged). A task
of one step has no such doubt: the step is right or wrong as the task is, whatever the signals.

Not promised: tasks fail for other reasons than a wrong step, and recover from wrong ones. And where only failures of
tasks with several steps are reported, nothing says that most of their steps were right.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

_ROUNDS = 200
_SETTLED = 1e-6


@dataclass(frozen=True, slots=True)
class TaskStep:
    """A step of a task whose outcome is known."""

    task: Hashable
    correct: bool
    """The task's outcome."""
    like: Hashable
    """Steps of equal value, such as those of one class with the same signals, are right equally often."""


def steps_right(steps: Sequence[TaskStep]) -> list[float]:
    """P(right) of each step, in the order given, its task's outcome known."""
    if not steps:
        return []
    tasks, alike = _numbers([step.task for step in steps]), _numbers([step.like for step in steps])
    correct = np.array([step.correct for step in steps])
    size = np.bincount(alike)
    rate = np.full(len(size), 0.5)
    for _ in range(_ROUNDS):
        before = rate[alike]
        others = np.exp(np.bincount(tasks, np.log(before))[tasks] - np.log(before))
        right = np.where(correct, 1.0, before * (1.0 - others) / (1.0 - before * others))
        moved, rate = rate, (np.bincount(alike, right) + 0.5) / (size + 1.0)  # Jeffreys: no rate is 0 or 1
        if float(np.abs(rate - moved).max()) < _SETTLED:
            break
    return [float(each) for each in right]


def _numbers(names: Sequence[Hashable]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    known: dict[Hashable, int] = {}
    return np.array([known.setdefault(name, len(known)) for name in names], dtype=np.int64)
