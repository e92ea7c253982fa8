"""From steps, embeddings and signals to the inputs of the two heads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty.arrays import Floats, Ints
from tts_agent.difficulty.base import SampleSignals, StepText
from tts_agent.difficulty.features import (
    SIGNAL_FEATURES,
    TEXT_FEATURES,
    Standardizer,
    one_hot,
    signal_features,
    text_features,
)

Embeddings = npt.NDArray[np.float32]

DIRECTIONS = 48
"""Principal directions of the embeddings that a head sees."""


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """What the training rows looked like: names, scales and directions."""

    kinds: tuple[str, ...]
    models: tuple[str, ...]
    text: Standardizer
    signals: Standardizer
    center: Embeddings
    """(e,) mean embedding."""
    directions: Embeddings
    """(e, r) principal directions, in units of the deviation along the first: weaker ones stay weaker.

    (With unit deviation each, the weakest directions taught heads noise on two mixed sets of questions.)
    """

    @classmethod
    def fit(cls, steps: Sequence[StepText], embeddings: Embeddings, signals: Sequence[SampleSignals]) -> FeatureSpace:
        """From n training steps, their embeddings (n, e) and any number of samples."""
        center = embeddings.mean(axis=0)
        _, sizes, directions = np.linalg.svd(embeddings - center, full_matrices=False)
        deviations = sizes / np.sqrt(len(embeddings))
        useful = min(DIRECTIONS, int((deviations > 1e-4).sum()))
        return cls(
            kinds=tuple(sorted({step.kind for step in steps})),
            models=tuple(sorted({step.model for step in steps})),
            text=Standardizer.fit(_text_rows(steps)),
            signals=Standardizer.fit(_signal_rows(signals)),
            center=center.astype(np.float32),
            directions=(directions[:useful] / max(deviations[0], 1e-6)).T.astype(np.float32),
        )

    @property
    def stage_one_width(self) -> int:
        """d of `stage_one`."""
        return int(self.directions.shape[1]) + len(TEXT_FEATURES) + len(self.kinds) + len(self.models)

    @property
    def stage_two_width(self) -> int:
        """d of `stage_two`."""
        names = len(self.kinds) + len(self.models)
        return 2 + len(TEXT_FEATURES) + names + len(SIGNAL_FEATURES) * (1 + names)

    @property
    def belief_column(self) -> int:
        """Where `stage_two` has the logit of the earlier belief."""
        return 0

    @property
    def signal_columns(self) -> Ints:
        """Where `stage_two` has signals, those for each class and model apart included."""
        names = len(self.kinds) + len(self.models)
        return np.arange(2 + len(TEXT_FEATURES) + names, self.stage_two_width)

    @property
    def name_columns(self) -> Ints:
        """Where `stage_two` has class and model."""
        first = 2 + len(TEXT_FEATURES)
        return np.arange(first, first + len(self.kinds) + len(self.models))

    def stage_one(self, steps: Sequence[StepText], embeddings: Embeddings) -> Floats:
        """(n, d): directions, text features, class, model."""
        reduced = np.clip((embeddings - self.center).astype(np.float64) @ self.directions, -4.0, 4.0)
        return np.hstack((reduced, self._text(steps), *self._names(steps)))

    def stage_two(self, steps: Sequence[StepText], beliefs: Floats, signals: Sequence[SampleSignals]) -> Floats:
        """(n, d): beliefs, text features, class, model, signals, and signals for each class and each model apart."""
        seen = self.signals(_signal_rows(signals))
        kinds, models = self._names(steps)
        apart = [(names[:, :, None] * seen[:, None, :]).reshape(len(seen), -1) for names in (kinds, models)]
        scaled = (beliefs - (0.0, 1.5)) / 2.0
        return np.hstack((scaled, self._text(steps), kinds, models, seen, *apart))

    def _text(self, steps: Sequence[StepText]) -> Floats:
        place = {step: index for index, step in enumerate(dict.fromkeys(steps))}  # a question has many rows
        return self.text(_text_rows(list(place)))[[place[step] for step in steps]]

    def _names(self, steps: Sequence[StepText]) -> tuple[Floats, Floats]:
        return one_hot([step.kind for step in steps], self.kinds), one_hot([step.model for step in steps], self.models)


def _text_rows(steps: Sequence[StepText]) -> Floats:
    return np.array([text_features(step) for step in steps], dtype=np.float64).reshape(-1, len(TEXT_FEATURES))


def _signal_rows(signals: Sequence[SampleSignals]) -> Floats:
    return np.array([signal_features(first) for first in signals], dtype=np.float64).reshape(-1, len(SIGNAL_FEATURES))
