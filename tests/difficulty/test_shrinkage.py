"""How far heads are trusted that were fitted on few questions. (`test_calibration.py` has the cautious rule.)"""

from __future__ import annotations

import numpy as np

from tts_agent.difficulty.arrays import Floats, sigmoid
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.questions import Counts
from tts_agent.difficulty.shrinkage import Shrinkage


def beliefs(logits: Floats, log_size: float = 2.0) -> Floats:
    return np.stack((logits, np.full(len(logits), log_size)), axis=1)


def outcomes(logits: Floats, rng: np.random.Generator, of: int = 8) -> Counts:
    number = len(logits)
    passed = rng.binomial(of, sigmoid(logits)).astype(np.float64)
    return Counts(passed, np.full(number, float(of)), np.ones(number), np.arange(number))


def test_noise_about_forty_questions_is_seldom_believed_and_costs_less_than_the_best_weight_would() -> None:
    weights, harm = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        noise, base = beliefs(rng.normal(size=40) * 0.5), beliefs(np.zeros(40))
        found = Shrinkage.fit(noise, base, outcomes(rng.normal(size=40), rng), cautious=False)
        weights.append(found.weight)
        fresh, again = beliefs(rng.normal(size=2000) * 0.5), beliefs(np.zeros(2000))
        counts = outcomes(rng.normal(size=2000), rng)
        harm.append(float((nll(found(fresh, again), counts) - nll(again, counts)).mean()))
    assert np.median(weights) == 0.0
    assert np.mean(harm) < 0.005


def test_what_many_questions_agree_on_is_believed() -> None:
    rng = np.random.default_rng(0)
    truth = rng.normal(size=500) * 1.5
    found = Shrinkage.fit(beliefs(truth, 5.0), beliefs(np.zeros(500)), outcomes(truth, rng), cautious=False)
    assert found.weight >= 0.9


def test_many_models_on_one_text_are_one_piece_of_evidence() -> None:
    rng = np.random.default_rng(2)
    logits = rng.normal(size=30)
    said, base, counts = beliefs(0.7 * logits), beliefs(np.zeros(30)), outcomes(logits, rng, of=2)
    once = Shrinkage.fit(said, base, counts, cautious=False)
    copies = np.tile(np.arange(30), 6)
    many = Counts(counts.passed[copies], counts.of[copies], np.ones(180), np.arange(180))
    grouped = Shrinkage.fit(said[copies], base[copies], many, group=copies, cautious=False)
    alone = Shrinkage.fit(said[copies], base[copies], many, cautious=False)
    assert grouped == once
    assert once.weight < alone.weight
