"""The predictor card of a bank: what both stages are worth on held-out questions, beside simple predictors."""

from __future__ import annotations

import numpy as np

from tts_agent.difficulty.arrays import Floats
from tts_agent.difficulty.baselines import baselines
from tts_agent.difficulty.card import CLASS_MEAN, SHUFFLED, STAGE_ONE, STAGE_ONE_AGAIN, STAGE_TWO, PredictorCard
from tts_agent.difficulty.metrics import Scores
from tts_agent.difficulty.questions import assign_folds
from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.signals import BankBeliefs
from tts_agent.evaluation.signals_data import BankData

BASELINE_FOLDS = 5


def bank_card(bank: Bank, beliefs: BankBeliefs, shuffled: BankBeliefs, *, seed: int = 0) -> PredictorCard:
    """Scores over all folds together; every prediction is about a question that its predictor was not trained on.

    Args:
        bank: of at least 25 different questions.
        beliefs: of `bank_beliefs`.
        shuffled: of `bank_beliefs` with the same folds, trained on the outcomes of other questions.
        seed: of the baselines' inner folds.
    """
    data = BankData.of(bank).data
    rows = data.rows
    before, after = card_beliefs(bank, beliefs, shuffled, seed=seed)
    trust = {STAGE_ONE: _trust(beliefs, 1), f"{STAGE_ONE}, {SHUFFLED}": _trust(shuffled, 1)}
    if len(rows):
        trust |= {STAGE_TWO: _trust(beliefs, 2), f"{STAGE_TWO}, {SHUFFLED}": _trust(shuffled, 2)}
    return PredictorCard(
        train_questions=round(len(data) * (1.0 - 1.0 / len(beliefs.views))),
        test_questions=len(data),
        test_rows=len(rows),
        seed=seed,
        before={name: Scores.of(each, data.counts) for name, each in before.items()},
        after={name: Scores.of(each, rows) for name, each in after.items()},
        trust=trust,
    )


def card_beliefs(
    bank: Bank, beliefs: BankBeliefs, shuffled: BankBeliefs, *, seed: int = 0
) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """What every predictor of `bank_card` says, by name: about questions (n, 2), and after first samples (m, 2)."""
    whole = BankData.of(bank)
    first = whole.first
    before: dict[str, Floats] = {STAGE_ONE: beliefs.before[first], CLASS_MEAN: beliefs.reference[first]}
    if whole.has_text:
        before |= _baselines(whole, beliefs, seed)
    before[SHUFFLED] = shuffled.before[first]
    after: dict[str, Floats] = {}
    if len(whole.data.rows):
        place = whole.row_question, whole.row_sample
        after = {
            STAGE_TWO: beliefs.after[place],
            STAGE_ONE_AGAIN: beliefs.before[whole.row_question],
            SHUFFLED: shuffled.after[place],
        }
    return before, after


def _baselines(whole: BankData, beliefs: BankBeliefs, seed: int) -> dict[str, Floats]:
    """Beliefs (n, 2) of length and TF-IDF, held out as the estimator's are."""
    data = whole.data
    fold = beliefs.fold[whole.first]
    found: dict[str, Floats] = {}
    for out in range(len(beliefs.views)):
        train, mine = data.subset(fold != out), fold == out
        steps = [step for step, held_out in zip(data.steps, mine, strict=True) if held_out]
        inner = assign_folds(train.group, BASELINE_FOLDS, seed)
        for name, said in baselines(train, inner, steps).items():
            if name != CLASS_MEAN:
                found.setdefault(name, np.zeros((len(data), 2)))[mine] = said
    return found


def _trust(beliefs: BankBeliefs, stage: int) -> float:
    """Mean shrinkage weight over folds, 0 where there is no such stage."""
    stages = [view.estimator.one if stage == 1 else view.estimator.two for view in beliefs.views]
    return float(np.mean([0.0 if each is None else each.shrinkage.weight for each in stages]))
