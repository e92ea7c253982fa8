"""A recorded ladder of thinking budgets as a knee (`routing.knee`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_agent.evaluation.banks import RecordedSample
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.knee import Knee, knee


def knee_of(
    budgets: Sequence[tuple[str, Sequence[RecordedSample]]], *, price: float = 0.0, resamples: int = 2000
) -> Knee:
    """The knee of budgets, each with one sample a question in the same order of questions.

    Raises:
        ConfigurationError: there is no budget, a sample has no tokens, or budgets differ in their questions.
    """
    if not budgets or len({len(samples) for _, samples in budgets}) != 1 or not budgets[0][1]:
        raise ConfigurationError("a ladder of budgets needs the same questions, at least one, at every budget")
    if any(sample.tokens is None for _, samples in budgets for sample in samples):
        raise ConfigurationError("a ladder of budgets needs the tokens of every sample")
    correct = np.array([[float(sample.correct) for sample in samples] for _, samples in budgets])
    tokens = np.array([[float(sample.tokens or 0) for sample in samples] for _, samples in budgets])
    return knee([name for name, _ in budgets], correct, tokens, price=price, resamples=resamples)
