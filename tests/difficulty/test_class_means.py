"""The mean of a class and model, and what stands in for unknown ones."""

from __future__ import annotations

import numpy as np
import pytest

from tts_agent.difficulty import StepText
from tts_agent.difficulty.arrays import sigmoid
from tts_agent.difficulty.class_means import ClassMeans
from tts_agent.difficulty.questions import Counts


def fitted(cells: dict[tuple[str, str], float], questions: int = 400) -> ClassMeans:
    steps = [StepText(f"{index}", kind, model) for kind, model in cells for index in range(questions)]
    passed = np.repeat([round(10 * share) for share in cells.values()], questions).astype(float)
    return ClassMeans.fit(steps, Counts(passed, np.full(len(steps), 10.0), np.ones(len(steps)), np.arange(len(steps))))


def mean(means: ClassMeans, kind: str, model: str) -> float:
    return float(sigmoid(means([StepText("?", kind, model)])[:, 0])[0])


MEANS = fitted({("easy", "big"): 0.9, ("hard", "big"): 0.5, ("easy", "small"): 0.6, ("hard", "small"): 0.2})


def test_a_known_class_and_model_has_its_own_rate() -> None:
    assert mean(MEANS, "easy", "big") == pytest.approx(0.9, abs=0.01)
    assert mean(MEANS, "hard", "small") == pytest.approx(0.2, abs=0.01)


def test_an_unknown_class_falls_back_to_the_model_and_an_unknown_model_to_the_class() -> None:
    assert mean(MEANS, "?", "big") == pytest.approx(0.7, abs=0.01)
    assert mean(MEANS, "easy", "?") == pytest.approx(0.75, abs=0.01)
    assert mean(MEANS, "?", "?") == pytest.approx(0.55, abs=0.01)


def test_a_new_pair_of_known_names_is_guessed_from_both() -> None:
    means = fitted({("easy", "big"): 0.9, ("hard", "big"): 0.5, ("easy", "small"): 0.6})
    assert mean(means, "hard", "small") < mean(means, "easy", "small")
    assert mean(means, "hard", "small") < mean(means, "hard", "big")


def test_few_questions_say_little() -> None:
    steps = [StepText(f"{index}", "common", "m") for index in range(100)] + [StepText("x", "rare", "m")]
    passed = np.array([5.0] * 100 + [10.0])
    means = ClassMeans.fit(steps, Counts(passed, np.full(101, 10.0), np.ones(101), np.arange(101)))
    assert 0.5 < mean(means, "rare", "m") < 0.75


def test_equal_rates_are_believed_firmly_and_scattered_ones_loosely() -> None:
    firm = fitted({("k", "m"): 0.5})
    loose = fitted({("k", "m"): 0.0, ("k", "n"): 1.0})
    step = [StepText("?", "k", "?")]
    assert firm(step)[0, 1] > 3.0 > loose(step)[0, 1]
