"""Cards of recorded banks: what is clear among many, and that a card survives its file."""

import json
from dataclasses import asdict
from math import nan

import numpy as np
import pytest

from benchmarks.predictor_card import Card, Gain, clear, measure_card
from benchmarks.predictor_pages import card_page, family_page, runs_page
from tts_agent.difficulty.card import CLASS_MEAN
from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample


@pytest.fixture(scope="module")
def card() -> Card:
    """Thirty questions, of which every other one is hard and has a word that says so."""
    rng = np.random.default_rng(0)
    questions = []
    for number in range(30):
        hard = number % 2
        passed = rng.random(6) < (0.15 if hard else 0.85)
        samples = tuple(RecordedSample("a", bool(ok), 100 + 50 * hard, None, None) for ok in passed)
        text = f"{'Prove' if hard else 'Add'} it for {number}."
        questions.append(RecordedQuestion(f"q{number}", text, None, samples))
    vectors = np.array([[number % 2, 1.0] for number in range(30)], dtype=np.float32)
    values = measure_card(Bank("set__model", tuple(questions)), vectors, 0)
    return Card.from_json(json.loads(json.dumps(values)))


def test_the_class_mean_of_one_bank_ranks_nothing_and_text_gains_over_it(card: Card) -> None:
    assert card.before[CLASS_MEAN].scores["auroc"].value == pytest.approx(0.5)
    assert card.text.gains["auroc"].low > 0.0
    assert card.text.scores["auroc"].value == pytest.approx(0.5 + card.text.gains["auroc"].value)


def test_a_card_is_the_same_after_its_file(card: Card) -> None:
    assert repr(Card.from_json(json.loads(json.dumps(asdict(card))))) == repr(card)


def test_pages_say_what_the_card_says(card: Card) -> None:
    assert any(line.startswith("30 questions") and "Text adds +" in line for line in card_page(card))
    page = "\n".join(family_page("family", [card, card]))
    assert "by AUROC clearly better on 2 of 2 runs (model" in page
    assert sum(line.startswith("| set__model |") for line in runs_page({"family": [card]})) == 1


def test_one_of_many_must_be_surer_than_one_alone() -> None:
    two_errors, none = Gain(0.2, 0.0, 0.4, 0.1), Gain(0.0, -0.2, 0.2, 0.1)
    assert clear([two_errors]) == [True]
    assert clear([two_errors] + [none] * 9) == [False] * 10
    assert clear([Gain(0.4, 0.2, 0.6, 0.1), *[none] * 9])[0]


def test_what_is_undefined_or_a_matter_of_arithmetic_is_never_clear() -> None:
    assert clear([Gain(nan, nan, nan, nan), Gain(2e-16, 1e-16, 3e-16, 1e-17)]) == [False, False]
