"""Heads that are solved for: exact, small, and saved like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.difficulty.synthetic import HashEncoder, hidden, planted
from tts_agent.difficulty import DifficultyEstimator, SampleSignals, StepText
from tts_agent.difficulty.arrays import Floats
from tts_agent.difficulty.head_solving import SolvedHeadSettings, solve_heads
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.questions import Counts
from tts_agent.difficulty.two_stage import FitSettings


def outcomes(logit: Floats, of: int = 8) -> Counts:
    rng = np.random.default_rng(3)
    passed = rng.binomial(of, 1.0 / (1.0 + np.exp(-logit))).astype(np.float64)
    return Counts(passed, np.full(len(logit), float(of)), np.ones(len(logit)), np.arange(len(logit)))


def test_a_bent_effect_is_found_and_a_straight_line_misses_it() -> None:
    x = np.random.default_rng(0).normal(size=(400, 3))
    counts = outcomes(3.0 - 3.0 * np.abs(x[:, 1]))
    base, fold = np.zeros((400, 2)), np.arange(400) % 5
    _, bent = solve_heads(x, base, counts, fold, settings=SolvedHeadSettings(), bent=np.array([1]))
    _, straight = solve_heads(x, base, counts, fold, settings=SolvedHeadSettings())
    assert nll(bent, counts).mean() < nll(straight, counts).mean() - 0.3


def test_columns_that_are_not_named_have_no_effect() -> None:
    x = np.random.default_rng(0).normal(size=(100, 2))
    fold = np.arange(100) % 4
    heads, _ = solve_heads(
        x, np.zeros((100, 2)), outcomes(2.0 * x[:, 0]), fold, settings=SolvedHeadSettings(), columns=np.array([1])
    )
    moved = x + np.array([5.0, 0.0])
    for head in heads:
        np.testing.assert_allclose(head(x), head(moved), atol=1e-6)


def test_a_head_says_the_same_of_its_fold_whatever_happened_there() -> None:
    x = np.random.default_rng(0).normal(size=(60, 2))
    fold, base = np.arange(60) % 3, np.zeros((60, 2))
    counts = outcomes(x[:, 0])
    turned = Counts(np.where(fold == 1, 8 - counts.passed, counts.passed), counts.of, counts.weight, counts.question)
    settings = SolvedHeadSettings(penalties=(3.0,))
    _, one = solve_heads(x, base, counts, fold, settings=settings)
    _, other = solve_heads(x, base, turned, fold, settings=settings)
    np.testing.assert_allclose(one[fold == 1, 0], other[fold == 1, 0], atol=1e-5)
    assert not np.allclose(one[fold == 0, 0], other[fold == 0, 0], atol=1e-3)


def test_inputs_that_never_vary_leave_the_base_almost_alone() -> None:
    base = np.tile([0.7, 1.0], (50, 1))
    heads, raw = solve_heads(
        np.ones((50, 4)), base, outcomes(np.full(50, 0.7)), np.arange(50) % 5, settings=SolvedHeadSettings()
    )
    assert all(head.w1.shape == (4, 0) for head in heads)
    assert np.abs(raw[:, 0] - base[:, 0]).max() < 0.3


def test_a_small_estimator_learns_and_comes_back_from_disk_the_same(tmp_path: Path) -> None:
    labels = planted(100) + hidden(60, {"a": 1, "b": -1})
    made, card = DifficultyEstimator.fit(labels, encoder=HashEncoder(), settings=FitSettings.small())
    assert card.stage_two is not None
    assert card.stage_two.auroc is not None
    assert card.stage_two.auroc > 0.75
    made.save(tmp_path / "here")
    back = DifficultyEstimator.load(tmp_path / "here", encoder=HashEncoder())
    step = StepText("Start with 8. Add 5.", "chain", "m")
    assert back.predict([step]) == made.predict([step])
    first = SampleSignals(55, "stop")
    belief = made.predict([step])[0]
    assert back.update(step, belief, first) == made.update(step, belief, first)
