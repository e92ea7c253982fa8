"""How likely each recorded step was right: by the outcome of its task, or by its signals where nobody reported one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.pseudo_labels import PseudoLabels, Signalled, pseudo_labels, signals
from tts_agent.learning.record_file import Record
from tts_agent.learning.task_outcomes import TaskStep, steps_right

_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class GradedStep:
    """A recorded step, and how likely its winner was right."""

    record: Record
    right: float
    known: bool
    """Its task had this step only, and an outcome: `right` is 0 or 1."""


@dataclass(frozen=True, slots=True)
class Grades:
    """What records say of their steps."""

    steps: tuple[GradedStep, ...]
    inferred: Mapping[str, PseudoLabels]
    """By class of steps, for the steps without an outcome; classes with too few outcomes are left out."""


def readable(records: Sequence[Record]) -> list[Record]:
    """The records that an estimator can be fitted on: the question itself was stored, and something was drawn.

    Raises:
        ConfigurationError: none is.
    """
    if not records:
        raise ConfigurationError("there are no records: nothing was recorded yet")
    found = [record for record in records if record.samples and _is_question(record.text)]
    if not found:
        raise ConfigurationError(
            f"none of {len(records):,} records holds the text of its question, which an estimator reads: "
            'record with Recorder(..., text="stored")'
        )
    return found


def grades(records: Sequence[Record], *, infer: bool = True) -> Grades:
    """Grade the steps of one model.

    Args:
        records: with samples, the oldest first.
        infer: grade steps without an outcome by their signals too, in classes with ten right and ten wrong steps.
    """
    reported = [record for record in records if record.correct is not None]
    tasks = [number if record.task is None else record.task for number, record in enumerate(reported)]
    sizes = Counter(tasks)
    right = steps_right(
        [
            TaskStep(task, bool(record.correct), (record.kind, signals(record)))
            for task, record in zip(tasks, reported, strict=True)
        ]
    )
    found = [GradedStep(record, p, sizes[task] == 1) for record, p, task in zip(reported, right, tasks, strict=True)]
    inferred: dict[str, PseudoLabels] = {}
    for kind in sorted({record.kind for record in records if infer}):
        silent = [record for record in records if record.kind == kind and record.correct is None]
        gold = [Signalled(signals(step.record), step.right) for step in found if step.record.kind == kind]
        try:
            said = pseudo_labels([*gold, *(Signalled(signals(record)) for record in silent)])
        except ConfigurationError:
            continue  # nothing to label, or too few outcomes to know what the signals are worth
        inferred[kind] = said
        found += [GradedStep(record, p, known=False) for record, p in zip(silent, said.right, strict=True)]
    return Grades(tuple(found), inferred)


def _is_question(text: str | None) -> bool:
    return text is not None and bool(text.strip()) and not _HASH.fullmatch(text)
