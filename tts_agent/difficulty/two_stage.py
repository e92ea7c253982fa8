"""Everything that is learned, in one value: what a saved estimator holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from tts_agent.difficulty.arrays import Floats
from tts_agent.difficulty.base import SampleSignals, StepText
from tts_agent.difficulty.class_means import ClassMeans
from tts_agent.difficulty.feature_space import Embeddings, FeatureSpace
from tts_agent.difficulty.head_solving import SolvedHeadSettings
from tts_agent.difficulty.head_training import HeadSettings
from tts_agent.difficulty.questions import Questions, assign_folds
from tts_agent.difficulty.stage import Stage, fit_stage
from tts_agent.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How an estimator is trained."""

    folds: int = 5
    """Heads of a stage; each is trained on folds - 2 parts of the data, stopped on one and judged on one."""
    one: HeadSettings | SolvedHeadSettings = field(default_factory=lambda: HeadSettings(hidden=64))
    two: HeadSettings | SolvedHeadSettings = field(default_factory=lambda: HeadSettings(batch=2048, learning_rate=5e-3))

    def __post_init__(self) -> None:
        if self.folds < 3:
            raise ConfigurationError(f"folds is {self.folds}: 3 are needed, to train, to stop and to be judged on")

    @classmethod
    def small(cls, folds: int = 5) -> FitSettings:
        """Heads that are solved for: for dozens to a few thousand questions, in seconds instead of minutes."""
        return cls(folds, SolvedHeadSettings(), SolvedHeadSettings())


@dataclass(frozen=True, eq=False)
class Unseen:
    """What the stages say about questions that they were not trained on, though the estimator was."""

    before: Floats
    """(n, 2), stage one, by question."""
    after: Floats | None
    """(m, 2), stage two, by row; None where there is no stage two."""


@dataclass(frozen=True, eq=False)
class TwoStage:
    """Beliefs before and after the first sample, as arrays (n, 2)."""

    space: FeatureSpace
    means: ClassMeans
    one: Stage
    two: Stage | None
    """None when the labels said nothing of first samples."""

    def before(self, steps: Sequence[StepText], embeddings: Embeddings) -> Floats:
        """Stage one, from embeddings (n, e)."""
        return self.one(self.space.stage_one(steps, embeddings), self.means(steps))

    def after(self, steps: Sequence[StepText], beliefs: Floats, signals: Sequence[SampleSignals]) -> Floats:
        """Stage two, from the beliefs (n, 2) of stage one or of anybody else."""
        if self.two is None:
            return beliefs
        return self.two(self.space.stage_two(steps, beliefs, signals), beliefs)


def fit_two_stage(data: Questions, embeddings: Embeddings, *, seed: int, settings: FitSettings) -> TwoStage:
    """Train both stages on all of `data` (n questions) with embeddings (n, e)."""
    return cross_fit(data, embeddings, seed=seed, settings=settings)[0]


def cross_fit(data: Questions, embeddings: Embeddings, *, seed: int, settings: FitSettings) -> tuple[TwoStage, Unseen]:
    """Train both stages on all of `data`, and tell what they say about the same questions unseen.

    Stage two is trained on what stage one says about questions it has not seen, so that it learns how far stage
    one can be trusted in use. Whatever is fitted on top of both (a price table) needs the unseen beliefs too.
    """
    fold = assign_folds(data.group, settings.folds, seed)
    space = FeatureSpace.fit(data.steps, embeddings, data.signals)
    base = np.zeros((len(data), 2))
    for out in range(settings.folds):
        others = data.subset(fold != out)
        base[fold == out] = ClassMeans.fit(others.steps, others.counts)(data.subset(fold == out).steps)
    one, before = fit_stage(
        space.stage_one(data.steps, embeddings),
        base,
        data.counts,
        fold,
        group=data.group,
        seed=seed,
        settings=settings.one,
    )
    two: Stage | None = None
    after: Floats | None = None
    question = data.rows.question
    if len(np.unique(fold[question])) == settings.folds:
        x = space.stage_two([data.steps[index] for index in question], before[question], data.signals)
        two, after = fit_stage(
            x,
            before[question],
            data.rows,
            fold[question],
            group=data.group[question],
            seed=seed + 1,
            settings=settings.two,
            # The text has spoken in stage one; among dozens of questions it would only drown the signals here.
            columns=np.concatenate(([space.belief_column], space.name_columns, space.signal_columns)),
            bent=space.signal_columns,
        )
    return TwoStage(space, ClassMeans.fit(data.steps, data.counts), one, two), Unseen(before, after)
