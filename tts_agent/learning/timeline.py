"""One task of a recorded run, step by step: what a step was thought to need, what it got, what its last part bought."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tts_agent.learning.last_sample import worth_of_last
from tts_agent.learning.record_file import Record
from tts_agent.learning.spending import CUT_SHORT
from tts_agent.routing.profile import ClassProfile


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of a task."""

    seconds: float
    """Since the task's first step ended."""
    kind: str
    pass_rate: float | None
    """The pass@1 that was believed: 1 less the predicted difficulty. None: nobody predicted."""
    strategy: str
    samples: int
    tokens: int
    spent: int
    """Tokens of the task up to here."""
    p_correct: float | None
    stop: str
    """What bound the step: its price ("settled"), a limit ("budget", "rounds", "failed"), or nothing."""
    price: float
    """Of a token, in units of one right answer; 0 where the policy has none."""
    worth: float | None
    """Of the last token, likewise: see `worth_of_last`."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task of a run in one line."""

    name: str | None
    """As `Recorder.task` was told; None: all steps that belong to no task."""
    steps: int
    tokens: int
    seconds: float
    """From its first step's end to its last's."""
    limits: tuple[str, ...]
    """Which limits stopped steps of it."""
    correct: bool | None


def tasks(records: Sequence[Record]) -> list[Task]:
    """Every task, the dearest first."""
    groups: dict[str | None, list[Record]] = {}
    for record in records:
        groups.setdefault(record.task, []).append(record)
    found = [
        Task(
            name,
            len(steps),
            sum(step.tokens for step in steps),
            steps[-1].time - steps[0].time,
            tuple(sorted({step.stop for step in steps} & set(CUT_SHORT))),
            None if name is None else steps[-1].correct,
        )
        for name, steps in groups.items()
    ]
    return sorted(found, key=lambda task: -task.tokens)


def timeline(records: Sequence[Record], task: str | None, profiles: Mapping[str, ClassProfile]) -> list[Moment]:
    """The steps of a task in order; `profiles` by class, where they were measured."""
    steps = [record for record in records if record.task == task]
    return [
        Moment(
            step.time - steps[0].time,
            step.kind,
            step.belief[0] / sum(step.belief) if step.belief else None,
            step.strategy,
            len(step.samples),
            step.tokens,
            spent,
            step.p_correct,
            step.stop,
            step.price,
            worth_of_last(step, profiles.get(step.kind, ClassProfile())),
        )
        for step, spent in zip(steps, accumulate(step.tokens for step in steps), strict=True)
    ]
