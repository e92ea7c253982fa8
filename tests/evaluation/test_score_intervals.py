"""Scores with bootstrap intervals over questions."""

from dataclasses import astuple, replace

import numpy as np
import pytest

from tts_agent.difficulty.arrays import Floats
from tts_agent.difficulty.metrics import Scores
from tts_agent.difficulty.questions import Counts
from tts_agent.evaluation.bootstrap import Bootstrap
from tts_agent.evaluation.score_intervals import resampled

QUESTIONS = 300


@pytest.fixture
def outcomes() -> tuple[Counts, Floats]:
    """Eight samples a question, and the true logits of their pass rates."""
    rng = np.random.default_rng(0)
    rate = rng.beta(2.0, 2.0, QUESTIONS)
    counts = Counts(
        rng.binomial(8, rate).astype(np.float64), np.full(QUESTIONS, 8.0), np.ones(QUESTIONS), np.arange(QUESTIONS)
    )
    return counts, np.stack((np.log(rate / (1.0 - rate)), np.full(QUESTIONS, 3.0)), axis=1)


def test_the_score_is_the_metric_and_lies_within_its_interval(outcomes: tuple[Counts, Floats]) -> None:
    counts, truth = outcomes
    found = resampled({"truth": truth}, counts, QUESTIONS)["truth"]
    assert astuple(found.scores) == pytest.approx(astuple(Scores.of(truth, counts)))
    low, high = found.within("auroc")
    assert found.scores.auroc is not None
    assert low < found.scores.auroc < high
    few = np.arange(7)  # with ties, and a replicate that can be counted by hand
    some = resampled({"truth": np.round(truth[few])}, counts[few], 7, replicates=1)["truth"]
    weight = Bootstrap.of(7, replicates=1).weights[0] * 7.0
    scores = Scores.of(np.round(truth[few]), replace(counts[few], weight=weight))
    assert some.replicates[0] == pytest.approx(np.array(astuple(scores), dtype=np.float64))


def test_a_gain_is_paired_so_a_predictor_gains_nothing_over_itself(outcomes: tuple[Counts, Floats]) -> None:
    counts, truth = outcomes
    found = resampled({"one": truth, "same": truth.copy()}, counts, QUESTIONS)
    assert found["one"].gain(found["same"], "nll") == (0.0, (0.0, 0.0))


def test_knowing_the_rates_gains_clearly_over_a_constant(outcomes: tuple[Counts, Floats]) -> None:
    counts, truth = outcomes
    found = resampled({"truth": truth, "constant": np.tile([0.0, 1.4], (QUESTIONS, 1))}, counts, QUESTIONS)
    gain, (low, high) = found["truth"].gain(found["constant"], "auroc")
    assert 0.0 < low < gain < high
    gain, (low, high) = found["truth"].gain(found["constant"], "nll")
    assert low < gain < high < 0.0


def test_many_entries_of_one_question_do_not_narrow_its_interval(outcomes: tuple[Counts, Floats]) -> None:
    counts, truth = outcomes
    again = np.tile(np.arange(QUESTIONS), 5)
    copied = Counts(counts.passed[again], counts.of[again], np.full(len(again), 0.2), again)
    once, often = (
        resampled({"truth": said}, each, QUESTIONS)["truth"].within("brier")
        for said, each in ((truth, counts), (truth[again], copied))
    )
    assert often == pytest.approx(once)


def test_a_measure_that_is_undefined_has_no_gain(outcomes: tuple[Counts, Floats]) -> None:
    counts, truth = outcomes
    passed = Counts(counts.of, counts.of, counts.weight, counts.question)
    found = resampled({"truth": truth, "other": truth}, passed, QUESTIONS, replicates=20)
    assert np.isnan(found["truth"].gain(found["other"], "auroc")[0])


def test_a_mean_that_was_fitted_without_each_fold_ranks_nothing(outcomes: tuple[Counts, Floats]) -> None:
    counts, _ = outcomes
    fold = np.argsort(np.argsort(counts.share, kind="stable")) // 60  # the easiest questions in one fold
    others = np.array([counts.share[fold != number].mean() for number in range(5)])[fold]
    means = {"mean": np.stack((np.log(others / (1.0 - others)), np.full(QUESTIONS, 1.4)), axis=1)}
    pooled = resampled(means, counts, QUESTIONS, replicates=20)["mean"].scores
    within = resampled(means, counts, QUESTIONS, fold=fold, replicates=20)["mean"].scores
    assert pooled.auroc is not None
    assert pooled.auroc < 0.3
    assert (within.auroc, within.spearman) == (0.5, 0.0)


def test_what_ranks_within_folds_still_does(outcomes: tuple[Counts, Floats]) -> None:
    counts, truth = outcomes
    fold = np.arange(QUESTIONS) % 5
    pooled, within = (resampled({"truth": truth}, counts, QUESTIONS, fold=each)["truth"] for each in (None, fold))
    for measure in ("auroc", "spearman"):
        one, other = getattr(pooled.scores, measure), getattr(within.scores, measure)
        assert one == pytest.approx(other, abs=0.02)
