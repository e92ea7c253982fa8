"""From label rows to a trained estimator and its card."""

from __future__ import annotations

import numpy as np

from tts_agent.difficulty.arrays import Floats
from tts_agent.difficulty.baselines import baselines
from tts_agent.difficulty.card import CLASS_MEAN, SHUFFLED, STAGE_ONE, STAGE_ONE_AGAIN, STAGE_TWO, PredictorCard
from tts_agent.difficulty.curves import Curves
from tts_agent.difficulty.feature_space import Embeddings
from tts_agent.difficulty.metrics import Scores
from tts_agent.difficulty.questions import Questions, assign_folds
from tts_agent.difficulty.two_stage import FitSettings, TwoStage, fit_two_stage
from tts_agent.exceptions import ConfigurationError

MIN_QUESTIONS = 50
MIN_GROUPS = 10
TEST_FOLDS = 5
"""One of them, 20 % of the questions, is kept for the card alone."""


def check(data: Questions) -> None:
    """Raises `ConfigurationError` when there is too little to train and test on."""
    groups = len(np.unique(data.group))
    if len(data) < MIN_QUESTIONS or groups < MIN_GROUPS:
        raise ConfigurationError(
            f"the labels are about {len(data)} different questions in {groups} groups: "
            f"at least {MIN_QUESTIONS} in {MIN_GROUPS} are needed"
        )


def fit_with_card(
    data: Questions, embeddings: Embeddings, *, seed: int, settings: FitSettings
) -> tuple[TwoStage, PredictorCard]:
    """Train on four fifths of the groups, score on the last fifth.

    Raises:
        ConfigurationError: too few questions or groups.
    """
    check(data)
    held_out = assign_folds(data.group, TEST_FOLDS, seed) == 0
    train, test = data.subset(~held_out), data.subset(held_out)
    if (groups := len(np.unique(train.group))) < settings.folds:
        raise ConfigurationError(f"{groups} groups are left to train on: at least {settings.folds} are needed")
    train_embeddings, test_embeddings = embeddings[~held_out], embeddings[held_out]
    model = fit_two_stage(train, train_embeddings, seed=seed, settings=settings)
    control = fit_two_stage(train.shuffled(np.random.default_rng(seed)), train_embeddings, seed=seed, settings=settings)
    before = {STAGE_ONE: model.before(test.steps, test_embeddings)}
    before |= baselines(train, assign_folds(train.group, settings.folds, seed), test.steps)
    before[SHUFFLED] = control.before(test.steps, test_embeddings)
    after: dict[str, Floats] = {}
    trust = {STAGE_ONE: model.one.shrinkage.weight, f"{STAGE_ONE}, {SHUFFLED}": control.one.shrinkage.weight}
    if model.two is not None and len(test.rows):
        rows = test.rows.question
        steps = [test.steps[index] for index in rows]
        after = {
            STAGE_TWO: model.after(steps, before[STAGE_ONE][rows], test.signals),
            STAGE_ONE_AGAIN: before[STAGE_ONE][rows],
            SHUFFLED: control.after(steps, before[SHUFFLED][rows], test.signals),
        }
        trust[STAGE_TWO] = model.two.shrinkage.weight
    card = PredictorCard(
        train_questions=len(train),
        test_questions=len(test),
        test_rows=len(test.rows),
        seed=seed,
        before={name: Scores.of(beliefs, test.counts) for name, beliefs in before.items()},
        after={name: Scores.of(beliefs, test.rows) for name, beliefs in after.items()},
        trust=trust,
        curves={name: Curves.of(before[name], test.counts) for name in (STAGE_ONE, CLASS_MEAN)}
        | {name: Curves.of(after[name], test.rows) for name in (STAGE_TWO, STAGE_ONE_AGAIN) if name in after},
    )
    return model, card
