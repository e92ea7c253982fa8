"""The rules of the field compete with sweeps that begin at one sample and end near the full vote."""

from __future__ import annotations

import numpy as np
import pytest

from tests.evaluation.synthetic import simulated
from tts_agent.evaluation.field_rules import FIELD, TopTwo, population_prior
from tts_agent.evaluation.folds import folds
from tts_agent.evaluation.play import stops
from tts_agent.evaluation.sweeps import cross_fit
from tts_agent.evaluation.trajectories import trajectories
from tts_agent.stopping import ExtendingWindow, ModeCertification, StoppingRule, Supermajority

REPLAYS = trajectories(simulated(50), simulated(30, seed=1, name="other"), number=3)


@pytest.mark.parametrize("name", FIELD)
def test_a_sweep_begins_at_one_sample_and_comes_near_the_full_vote(name: str) -> None:
    sweep = cross_fit(name, FIELD[name], REPLAYS, folds(REPLAYS.texts)).sweep
    assert (sweep.samples[0] == 1.0).all()
    full = REPLAYS.leader_correct[:, :, -1].mean()
    assert sweep.accuracy.mean(axis=1).max() >= full - 0.03  # doubling settles for two of two at any share
    assert (sweep.samples <= 12.0).all()


@pytest.mark.parametrize("rule", [ExtendingWindow(4, 4, 0.9, 12), Supermajority(0.75, 2, 12)])
def test_rules_declared_to_look_at_the_top_two_only_decide_the_same(rule: StoppingRule) -> None:
    assert (stops(REPLAYS, TopTwo(rule)) == stops(REPLAYS, rule)).all()


def test_a_population_is_fitted_for_each_class_and_decides_by_its_top_two() -> None:
    settings = population_prior(REPLAYS)
    drawn = np.stack([setting.play(REPLAYS).drawn for setting in settings])
    assert drawn[-1].mean() > drawn[1].mean()
    assert (drawn[0] == 1).all()


def test_mode_certification_counts_every_answer_seen() -> None:
    """It may not be declared to look at the top two only: its level depends on how many answers there are."""
    assert not getattr(ModeCertification, "only_top_two", False)
