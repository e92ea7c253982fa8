"""What a predictor costs in replay, and what the page says of it."""

import json
from math import nan

import numpy as np
import pytest

from benchmarks.predictor_card import Cell
from benchmarks.predictor_replay import Replayed, measure_replay, replay_page, replay_rows
from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample
from tts_agent.evaluation.beliefs import no_vectors

HELPS = "text, where it helps"


def replayed(name: str, ratio: float) -> Replayed:
    return Replayed(name, 40, 0.1, {HELPS: Cell(ratio, ratio - 0.01, ratio + 0.01)})


def test_the_page_counts_banks_within_the_bound_and_names_the_others() -> None:
    banks = [replayed("cheap", 0.9), replayed("same", 1.0), replayed("dear", 1.05), replayed("unreached", nan)]
    page = replay_page({"some": banks}, 200)
    assert f"| some | {HELPS} | 3 of 4 | 2 | 1.000 | 0.981 | 1.050 | 1 |" in page
    said = next(line for line in page if line.startswith(f"- {HELPS}"))
    assert "within 2% of no predictor, or cheaper, on 2 of 3 banks (on 0 it was never looked at)" in said
    assert said.endswith("not on dear 1.050 (1.040 to 1.060).")


def test_a_bank_whose_wrong_samples_have_no_answer_is_refused_and_says_so() -> None:
    samples = tuple(RecordedSample("a" if ok else None, ok, 10, None, None) for ok in (True, False, False))
    bank = Bank("set__model", tuple(RecordedQuestion(f"q{n}", f"Question {n}?", None, samples) for n in range(12)))
    values = measure_replay(bank, no_vectors, 200, 0)
    found = Replayed.from_json(json.loads(json.dumps(values)))
    assert found.costs == {}
    assert "votes of right samples only" in replay_rows([found])[-2]


@pytest.mark.slow
def test_a_text_that_says_nothing_costs_nothing_where_training_questions_choose() -> None:
    rng = np.random.default_rng(0)
    questions = []
    for number in range(60):
        rate = rng.choice([0.45, 0.95])
        answers = np.where(rng.random(12) < rate, "right", rng.choice(["x", "y", "z"], 12))
        samples = tuple(RecordedSample(str(answer), answer == "right", 50, None, None) for answer in answers)
        questions.append(RecordedQuestion(f"q{number}", f"Question {number}?", None, samples))
    values = measure_replay(Bank("set__model", tuple(questions)), no_vectors, 200, 0)
    assert Replayed.from_json(values).costs[HELPS].value <= 1.02
