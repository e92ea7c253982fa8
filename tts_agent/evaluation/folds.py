"""Folds of questions: what is learned sees training folds only, and a text is never on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_agent.evaluation.orderings import digest
from tts_agent.evaluation.trajectories import Ints
from tts_agent.exceptions import ConfigurationError

DEFAULT_FOLDS = 5


def folds(texts: Sequence[str], number: int = DEFAULT_FOLDS, *, seed: int = 0) -> Ints:
    """(Q) the fold of each question, 0..number-1: equal texts share one, and sizes differ as little as they can.

    Raises:
        ConfigurationError: fewer distinct texts than folds, or fewer than two folds.
    """
    groups: dict[str, list[int]] = {}
    for index, text in enumerate(texts):
        groups.setdefault(text, []).append(index)
    if not 2 <= number <= len(groups):
        raise ConfigurationError(f"{len(groups)} distinct questions cannot be put into {number} folds (at least 2)")
    chosen = np.zeros(len(texts), dtype=np.int64)
    sizes = [0] * number
    for text in sorted(groups, key=lambda text: (-len(groups[text]), digest(seed, text))):
        smallest = sizes.index(min(sizes))
        chosen[groups[text]] = smallest
        sizes[smallest] += len(groups[text])
    return chosen
