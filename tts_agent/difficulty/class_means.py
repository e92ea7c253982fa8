"""What is known of a step without reading it: the pass rate of its class and model.

This is the prior that heads are added to, the value they are shrunk towards, and the answer for an empty head.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from tts_agent.difficulty.arrays import Floats, logit
from tts_agent.difficulty.base import StepText
from tts_agent.difficulty.likelihood import CONCENTRATIONS, nll_by_concentration
from tts_agent.difficulty.questions import Counts

K = TypeVar("K")

SMOOTHING = 5.0
"""A mean is worth this many questions of the level above it, so that a class of two questions says little."""


@dataclass(frozen=True)
class ClassMeans:
    """Logits of pass rates by class, by model and by both, and ln(concentration) by class.

    An unknown class falls back to the model, an unknown model to the class, both unknown to the overall rate.
    """

    overall: float
    kinds: Mapping[str, float]
    """Difference of a class from `overall`."""
    models: Mapping[str, float]
    """Difference of a model from `overall`."""
    cells: Mapping[tuple[str, str], float]
    """Logit of a (class, model)."""
    overall_concentration: float
    concentrations: Mapping[str, float]
    """By class."""

    @classmethod
    def fit(cls, steps: Sequence[StepText], counts: Counts) -> ClassMeans:
        """From questions and their counts."""
        share = counts.share
        overall = float(logit(np.array([(share.sum() + 0.5) / (len(share) + 1.0)]))[0])
        kinds = {
            name: _smooth(share[index], overall) - overall for name, index in _where([s.kind for s in steps]).items()
        }
        models = {
            name: _smooth(share[index], overall) - overall for name, index in _where([s.model for s in steps]).items()
        }
        cells = {
            (kind, model): _smooth(share[index], overall + kinds[kind] + models[model])
            for (kind, model), index in _where([(s.kind, s.model) for s in steps]).items()
        }
        means = cls(overall, kinds, models, cells, 0.0, {})
        losses = nll_by_concentration(means(steps)[:, 0], counts)
        pooled = losses.mean(axis=1)
        concentrations = {
            name: float(CONCENTRATIONS[np.argmin(losses[:, index].sum(axis=1) + SMOOTHING * pooled)])
            for name, index in _where([s.kind for s in steps]).items()
        }
        return cls(overall, kinds, models, cells, float(CONCENTRATIONS[np.argmin(pooled)]), concentrations)

    def __call__(self, steps: Sequence[StepText]) -> Floats:
        """Beliefs (n, 2)."""
        rows = [(self._logit(step), self.concentrations.get(step.kind, self.overall_concentration)) for step in steps]
        return np.array(rows, dtype=np.float64).reshape(-1, 2)

    def _logit(self, step: StepText) -> float:
        known = self.cells.get((step.kind, step.model))
        if known is not None:
            return known
        return self.overall + self.kinds.get(step.kind, 0.0) + self.models.get(step.model, 0.0)


def _smooth(share: Floats, prior: float) -> float:
    expected = 1.0 / (1.0 + float(np.exp(-prior)))
    return float(logit(np.array([(share.sum() + SMOOTHING * expected) / (len(share) + SMOOTHING)]))[0])


def _where(names: Sequence[K]) -> dict[K, list[int]]:
    places: dict[K, list[int]] = {}
    for index, name in enumerate(names):
        places.setdefault(name, []).append(index)
    return places
