"""Heads and stages: they start as their base, learn what is there, and never see what they are judged by."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tts_agent.difficulty.arrays import Floats, sigmoid
from tts_agent.difficulty.head import Head, corrected
from tts_agent.difficulty.head_training import HeadSettings, train_head
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.questions import Counts
from tts_agent.difficulty.stage import fit_stage

SETTINGS = HeadSettings(hidden=8, epochs=30)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 4))
BASE = np.zeros((300, 2))
LEARNABLE = Counts(
    RNG.binomial(10, sigmoid(2.0 * X[:, 0])).astype(float), np.full(300, 10.0), np.ones(300), np.arange(300)
)
FOLD = np.arange(300) % 5


def trained(seed: int = 0, settings: HeadSettings = SETTINGS, counts: Counts = LEARNABLE) -> Head:
    return train_head(
        X, BASE, counts, train=np.arange(200), validation=np.arange(200, 300), seed=seed, settings=settings
    )


def loss(beliefs: Floats, counts: Counts = LEARNABLE) -> float:
    return float(nll(beliefs, counts).mean())


def test_no_head_and_an_untrained_head_change_nothing() -> None:
    assert (corrected((), X, BASE) == BASE).all()
    assert (corrected((trained(settings=replace(SETTINGS, epochs=0)),), X, BASE) == BASE).all()


def test_a_head_learns_mean_and_concentration() -> None:
    out = corrected((trained(),), X, BASE)
    assert loss(out) < loss(BASE) - 0.3
    assert np.corrcoef(out[:, 0], X[:, 0])[0, 1] > 0.9
    assert out[:, 1].mean() > 1.0  # the outcomes scatter little around their means


def test_equal_seeds_give_equal_heads_and_the_global_generator_is_left_alone() -> None:
    import torch

    before = torch.random.get_rng_state()
    one, other, third = trained(1), trained(1), trained(2)
    assert (one.w1 == other.w1).all()
    assert not (one.w1 == third.w1).all()
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_numpy_head_computes_what_torch_trained() -> None:
    from torch import from_numpy

    head = trained()
    torch_out = (from_numpy(X).float() @ from_numpy(head.w1) + from_numpy(head.b1)).relu() @ from_numpy(head.w2)
    assert np.allclose(head(X), torch_out.numpy() + head.b2, atol=1e-5)


def test_predictions_of_a_fold_do_not_depend_on_its_outcomes() -> None:
    # The first head must predict fold 0 the same, whatever fold 0's outcomes are.
    changed = replace(LEARNABLE, passed=np.where(FOLD == 0, 10.0 - LEARNABLE.passed, LEARNABLE.passed))
    one, _ = fit_stage(X, BASE, LEARNABLE, FOLD, seed=0, settings=SETTINGS)
    other, _ = fit_stage(X, BASE, changed, FOLD, seed=0, settings=SETTINGS)
    assert (one.heads[0](X) == other.heads[0](X)).all()
    assert not (one.heads[1](X) == other.heads[1](X)).all()


def test_a_stage_without_signal_is_its_base() -> None:
    chance = Counts(RNG.binomial(10, 0.5, 300).astype(float), np.full(300, 10.0), np.ones(300), np.arange(300))
    firm = np.tile([0.0, 5.0], (300, 1))
    stage, unseen = fit_stage(X, firm, chance, FOLD, seed=0, settings=SETTINGS)
    assert stage.shrinkage.weight <= 0.2
    assert np.abs(sigmoid(unseen[:, 0]) - 0.5).max() < 0.06


def test_a_stage_with_signal_beats_its_base_on_entries_it_did_not_see() -> None:
    stage, unseen = fit_stage(X, BASE, LEARNABLE, FOLD, seed=0, settings=SETTINGS)
    assert len(stage.heads) == 5
    assert loss(unseen) < loss(BASE) - 0.3
    assert stage.shrinkage.weight >= 0.8


@pytest.mark.parametrize("passed", [0.0, 10.0])
def test_outcomes_that_never_differ_do_no_harm(passed: float) -> None:
    always = Counts(np.full(300, passed), np.full(300, 10.0), np.ones(300), np.arange(300))
    stage, unseen = fit_stage(X, BASE, always, FOLD, seed=0, settings=SETTINGS)
    assert np.isfinite(unseen).all()
    assert np.isfinite(stage(X, BASE)).all()
