"""Whether label rows can support an estimator: what forbids training on them, and what to say beside the result."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from tts_agent.difficulty import Label
from tts_agent.exceptions import ConfigurationError

FEW_QUESTIONS = 300
"""Below it, a held-out fifth has fewer than 60 questions, and an AUROC a 95 % interval of about .15 either way."""
_NUMBER_OR_SPACE = re.compile(r"\d+|\W+")


def check_labels(labels: Sequence[Label]) -> tuple[str, ...]:
    """What a reader of the card should know of the labels, a sentence each.

    Raises:
        ConfigurationError: there are no labels, no sample ever passed or ever failed, or the same text stands in
            several groups, which splits would put on both sides.
    """
    if not labels:
        raise ConfigurationError("no question has two graded samples, which a label needs: label with -k 2 or more")
    passed, of = sum(label.total[0] for label in labels), sum(label.total[1] for label in labels)
    if passed in (0, of):
        every = "passed" if passed else "failed"
        raise ConfigurationError(f"every sample {every}: there is no difficulty to learn from these labels")
    if count := _shared(labels, exact=True):
        raise ConfigurationError(
            f"{count} texts stand in several groups, so that held-out questions would be known from training: "
            "give equal questions the same group"
        )
    warnings = []
    if count := _shared(labels, exact=False):
        warnings.append(
            f"{count} texts of several groups differ in numbers, case or punctuation only: held-out scores are too "
            "good unless they share a group"
        )
    questions = len({(label.text, label.model) for label in labels})
    if questions < FEW_QUESTIONS:
        warnings.append(f"{questions} questions are few: on fewer than {FEW_QUESTIONS}, scores vary widely by seed")
    if len({label.kind for label in labels}) == 1:
        warnings.append("all questions are of one class: nothing is learned about differences between classes")
    if all(label.first is None for label in labels):
        warnings.append("no label has a first sample: there is no second stage")
    return tuple(warnings)


def _shared(labels: Sequence[Label], *, exact: bool) -> int:
    """How many texts, or texts without their numbers, case and punctuation, stand in more than one group."""
    groups: dict[str, set[str]] = defaultdict(set)
    for label in labels:
        words = label.text if exact else _NUMBER_OR_SPACE.sub(" ", label.text.casefold())
        groups[" ".join(words.split())].add(label.group)
    return sum(len(found) > 1 for skeleton, found in groups.items() if skeleton)  # a bare number has none
