"""An estimator that also says which class a step is of, where nobody named one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tts_agent.difficulty.base import UNNAMED, Estimator, SampleSignals, StepText
from tts_agent.difficulty.embedding_cache import CachedEncoder
from tts_agent.difficulty.encoder import DEFAULT_ENCODER, Encoder, SentenceEncoder
from tts_agent.difficulty.estimator import DifficultyEstimator
from tts_agent.difficulty.step_classes import StepClasses
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta

UNIFORM = Beta(1.0, 1.0)
"""The belief about a step of which nothing is known."""


class ClassifyingEstimator:
    """Puts steps without a class of their own into the nearest of the classes found. Implements `Estimator` and
    `Classifier`. A text is encoded once, also where the inner estimator needs its vector too.

    Args:
        classes: see `find_classes`.
        inner: predicts; a class that it was not trained on is none to it. None predicts the pass@1 of the class.
        beliefs: pass@1 of each class, for where there is no `inner`.
        encoder: the one of the classes, where it is not found by name.

    Raises:
        ConfigurationError: `encoder` is not the one that the classes were found with.
        MissingExtraError: the encoder's package is not installed.
    """

    def __init__(
        self,
        classes: StepClasses,
        inner: Estimator | None = None,
        *,
        beliefs: Mapping[str, Beta] | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self.classes = classes
        self.inner = inner
        self._beliefs = dict(beliefs or {})
        self._encoder = _encoder(classes, inner, encoder)
        self._known = frozenset(getattr(inner, "kinds", ()))

    def kind(self, step: StepText) -> str:
        """The class of a step: its own where it has one, the nearest one found, or its own where it is far from all."""
        if step.kind not in UNNAMED:
            return step.kind
        (found,) = self.classes.of(self._encoder.encode([step.text]))
        return found or step.kind

    def predict(self, steps: Sequence[StepText]) -> list[Beta]:
        """One Beta a step, in order."""
        if self.inner is None:
            return [self._beliefs.get(step.kind, UNIFORM) for step in steps]
        return list(self.inner.predict([self._told(step) for step in steps]))

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        """The belief after a first sample."""
        return difficulty if self.inner is None else self.inner.update(self._told(step), difficulty, first)

    def _told(self, step: StepText) -> StepText:
        """What the inner estimator is told: it was trained on steps without a class, unless it knows this one."""
        found = step.kind in self.classes.names and step.kind not in self._known
        return replace(step, kind="default") if found else step


def _encoder(classes: StepClasses, inner: Estimator | None, given: Encoder | None) -> CachedEncoder:
    if given is None and isinstance(inner, DifficultyEstimator) and inner.encoder.id == classes.encoder:
        return inner.vectors
    encoder = given or SentenceEncoder(classes.encoder_name or DEFAULT_ENCODER)
    if encoder.id != classes.encoder:
        raise ConfigurationError(
            f"the classes of steps were found with the encoder {classes.encoder!r}, and this one is {encoder.id!r}"
        )
    return CachedEncoder(encoder)
