"""Cross-fitted beliefs: they learn what first samples show, and never from the question they are about."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import exp
from random import Random

import numpy as np
import pytest

from tts_agent.difficulty.metrics import Scores
from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample
from tts_agent.evaluation.signals import BankBeliefs, bank_beliefs, betas
from tts_agent.evaluation.signals_card import bank_card
from tts_agent.evaluation.signals_data import BankData, bank_folds, bank_labels, signals_of
from tts_agent.evaluation.signals_vectors import Vectors
from tts_agent.exceptions import ConfigurationError


def recorded_bank(questions: int = 80, samples: int = 6, *, direction: float = 1.0, text: bool = False) -> Bank:
    """Only the number of tokens shows how hard a question is: longer means harder if `direction` is positive."""
    rng = Random(7)
    made = []
    for number in range(questions):
        p = rng.choice((0.1, 0.5, 0.9))
        drawn = tuple(
            RecordedSample(
                "x", rng.random() < p, round(300 * exp(direction * (0.5 - p) * 2 + rng.gauss(0, 0.3))), None, None
            )
            for _ in range(samples)
        )
        made.append(RecordedQuestion(f"q{number}", f"question {number} of many" if text else None, None, drawn))
    return Bank("made__up", tuple(made))


def no_vectors(bank: Bank) -> Vectors:
    return np.zeros((len(bank.questions), 1), dtype=np.float32)


@cache
def fitted(direction: float, shuffled: bool = False) -> tuple[Bank, BankBeliefs]:
    bank = recorded_bank(direction=direction)
    return bank, bank_beliefs(bank, no_vectors(bank), shuffled=shuffled)


@pytest.mark.parametrize("direction", [1.0, -1.0])
def test_stage_two_learns_the_direction_in_which_tokens_point(direction: float) -> None:
    bank, beliefs = fitted(direction)
    whole = BankData.of(bank)
    after = beliefs.after[whole.row_question, whole.row_sample]
    scores, before = Scores.of(after, whole.data.rows), Scores.of(beliefs.before[whole.row_question], whole.data.rows)
    assert scores.auroc is not None
    assert scores.auroc > 0.75
    assert scores.nll < before.nll - 0.1


def test_stage_two_learns_nothing_from_the_outcomes_of_other_questions() -> None:
    bank, beliefs = fitted(1.0, shuffled=True)
    card = bank_card(bank, fitted(1.0)[1], beliefs)
    assert card.stage_two is not None
    assert card.stage_two.auroc is not None
    control = card.after["shuffled labels"]
    assert control.auroc is not None
    assert control.auroc < card.stage_two.auroc - 0.15
    assert control.nll > card.stage_two.nll


def test_a_belief_does_not_depend_on_the_outcomes_of_its_own_fold() -> None:
    bank, beliefs = fitted(1.0)
    fold = beliefs.fold
    turned = tuple(
        replace(each, samples=tuple(replace(s, correct=not s.correct) for s in each.samples))
        if fold[index] == 2
        else each
        for index, each in enumerate(bank.questions)
    )
    other = bank_beliefs(replace(bank, questions=turned), no_vectors(bank), fold=fold)
    view, same = beliefs.views[2], other.views[2]
    np.testing.assert_array_equal(view.before, same.before)
    np.testing.assert_array_equal(view.after, same.after)
    np.testing.assert_array_equal(view.reference, same.reference)
    assert not np.array_equal(beliefs.views[1].after, other.views[1].after)


def test_held_out_beliefs_come_from_the_view_without_their_fold() -> None:
    bank, beliefs = fitted(1.0)
    assert beliefs.after.shape == (len(bank.questions), 6, 2)
    for index, fold in enumerate(beliefs.fold):
        np.testing.assert_array_equal(beliefs.after[index], beliefs.views[fold].after[index])
        np.testing.assert_array_equal(beliefs.before[index], beliefs.views[fold].before[index])


def test_betas_are_means_and_positive_concentrations() -> None:
    mean, concentration = betas(fitted(1.0)[1].after)
    assert mean.shape == concentration.shape == (80, 6)
    assert ((mean > 0.0) & (mean < 1.0)).all()
    assert (concentration > 0.0).all()


def test_a_sample_without_tokens_leaves_the_belief_of_stage_one() -> None:
    bank = recorded_bank()
    first = bank.questions[0]
    silent = replace(first, samples=(replace(first.samples[0], tokens=None), *first.samples[1:5]))
    bank = replace(bank, questions=(silent, *bank.questions[1:]))
    beliefs = bank_beliefs(bank, no_vectors(bank))
    np.testing.assert_array_equal(beliefs.after[0, 0], beliefs.before[0])
    assert np.isnan(beliefs.after[0, 5]).all()  # it has five samples, the others six
    assert not np.isnan(beliefs.after[1:]).any()


def test_a_bank_without_any_tokens_has_no_stage_two() -> None:
    bank = recorded_bank()
    silent = tuple(replace(q, samples=tuple(replace(s, tokens=None) for s in q.samples)) for q in bank.questions)
    bank = replace(bank, questions=silent)
    beliefs = bank_beliefs(bank, no_vectors(bank))
    assert all(view.estimator.two is None for view in beliefs.views)
    np.testing.assert_array_equal(beliefs.after[:, 0], beliefs.before)
    assert bank_card(bank, beliefs, beliefs).stage_two is None


def test_the_card_has_simple_predictors_where_there_is_text() -> None:
    bank = recorded_bank(40, text=True)
    beliefs = bank_beliefs(bank, no_vectors(bank))
    card = bank_card(bank, beliefs, bank_beliefs(bank, no_vectors(bank), shuffled=True))
    assert set(card.before) == {"stage one", "class mean", "length", "TF-IDF", "shuffled labels"}
    assert card.test_questions == 40
    assert set(bank_card(*fitted(1.0), fitted(1.0, shuffled=True)[1]).before) == {
        "stage one",
        "class mean",
        "shuffled labels",
    }


def test_rows_count_the_other_samples_only() -> None:
    bank = recorded_bank(20, 4)
    labels = bank_labels(bank)
    assert len(labels) == 80
    for label, sample in zip(labels, (s for q in bank.questions for s in q.samples), strict=True):
        question = next(q for q in bank.questions if q.id == label.group)
        assert label.of == 3
        assert label.passed == sum(s.correct for s in question.samples) - sample.correct
        assert (label.kind, label.model) == ("made", "up")


def test_signals_do_not_tell_whether_there_was_an_answer() -> None:
    voted = RecordedSample("a", True, 12, -0.5, None)
    assert signals_of(voted) == signals_of(replace(voted, answer=None, correct=False))


def test_an_infinite_logprob_is_a_missing_one() -> None:
    signals = signals_of(RecordedSample("a", True, 12, -float("inf"), None))
    assert signals is not None
    assert signals.logprob is None


def test_folds_have_about_the_same_pass_rate_and_keep_equal_texts_together() -> None:
    bank = recorded_bank(50, text=True)
    again = tuple(replace(each, id=f"{each.id} again") for each in bank.questions[:10])
    bank = replace(bank, questions=(*bank.questions, *again))
    fold = bank_folds(bank)
    assert (fold[50:] == fold[:10]).all()
    share = np.array([sum(s.correct for s in q.samples) / 6 for q in bank.questions[:50]])
    rates = [share[fold[:50] == out].mean() for out in range(5)]
    assert max(rates) - min(rates) < 0.15


def test_equal_texts_share_one_belief_before_any_call() -> None:
    bank = recorded_bank(40, text=True)
    bank = replace(bank, questions=(*bank.questions, replace(bank.questions[3], id="again")))
    beliefs = bank_beliefs(bank, no_vectors(bank))
    np.testing.assert_array_equal(beliefs.before[3], beliefs.before[40])


def test_what_does_not_fit_is_refused() -> None:
    bank = recorded_bank(9)
    with pytest.raises(ConfigurationError, match="9 different questions: 10 are needed"):
        bank_beliefs(bank, no_vectors(bank))
    bank = recorded_bank(20)
    with pytest.raises(ConfigurationError, match="has 20 questions"):
        bank_beliefs(bank, no_vectors(bank)[:5])
    with pytest.raises(ConfigurationError, match="has 1 sample"):
        bank_labels(replace(bank, questions=(replace(bank.questions[0], samples=bank.questions[0].samples[:1]),)))
