"""Simple predictors of pass@1 that a trained head must beat to be worth shipping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tts_agent.difficulty.arrays import Floats, Ints, logit
from tts_agent.difficulty.base import StepText
from tts_agent.difficulty.card import CLASS_MEAN
from tts_agent.difficulty.class_means import ClassMeans
from tts_agent.difficulty.likelihood import CONCENTRATIONS, nll_by_concentration
from tts_agent.difficulty.logistic import fit_logistic
from tts_agent.difficulty.questions import Questions
from tts_agent.exceptions import MissingExtraError

Predictor = Callable[[Sequence[StepText]], Floats]
"""Steps to logits (n,)."""


def baselines(train: Questions, fold: Ints, steps: Sequence[StepText]) -> Mapping[str, Floats]:
    """Beliefs (n, 2) of every baseline about `steps`, by name.

    What a baseline can choose (its concentration, the penalty of TF-IDF) is chosen like a head's: on questions
    of folds it was not trained on.
    """
    return {
        CLASS_MEAN: ClassMeans.fit(train.steps, train.counts)(steps),
        "length": _best([_length], train, fold, steps),
        "TF-IDF": _best([_tf_idf(penalty) for penalty in (0.3, 1.0, 3.0)], train, fold, steps),
    }


def _best(
    fits: Sequence[Callable[[Questions], Predictor]], train: Questions, fold: Ints, steps: Sequence[StepText]
) -> Floats:
    options = []
    for index, fit in enumerate(fits):
        unseen = np.zeros(len(train))
        for out in range(int(fold.max()) + 1):
            unseen[fold == out] = fit(train.subset(fold != out))(train.subset(fold == out).steps)
        losses = nll_by_concentration(unseen, train.counts).mean(axis=1)
        options.append((float(losses.min()), index, float(CONCENTRATIONS[np.argmin(losses)])))
    _, chosen, concentration = min(options)
    logits = fits[chosen](train)(steps)
    return np.stack((logits, np.full(len(steps), concentration)), axis=1)


def _length(train: Questions) -> Predictor:
    def design(steps: Sequence[StepText]) -> Floats:
        return np.log1p(np.array([[len(step.text)] for step in steps], dtype=np.float64))

    x = design(train.steps)
    center, scale = x.mean(), x.std() or 1.0
    weights = fit_logistic((x - center) / scale, train.counts.share, train.counts.weight)
    return lambda steps: ((design(steps) - center) / scale)[:, 0] * weights[0] + weights[1]


def _tf_idf(penalty: float) -> Callable[[Questions], Predictor]:
    """Ridge regression of the pass rate on words and pairs of words, numbers and punctuation included."""

    def fit(train: Questions) -> Predictor:
        try:
            from sklearn.feature_extraction.text import TfidfVectorizer
            from sklearn.linear_model import Ridge
        except ImportError as error:
            raise MissingExtraError("the predictor card", "difficulty") from error
        words = TfidfVectorizer(
            ngram_range=(1, 2), sublinear_tf=True, max_features=20_000, token_pattern=r"(?u)\w+|[^\w\s]"
        )
        x = words.fit_transform([step.text for step in train.steps])
        model = Ridge(penalty, solver="sparse_cg").fit(x, train.counts.share)

        def predict(steps: Sequence[StepText]) -> Floats:
            share = np.asarray(model.predict(words.transform([step.text for step in steps])))
            return logit(np.clip(share, 0.02, 0.98))

        return predict

    return fit
