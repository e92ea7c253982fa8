"""Contenders are fitted on training folds, played on others, and their knobs are chosen on training folds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.evaluation.synthetic import simulated
from tts_agent.evaluation.contenders import (
    BASELINES,
    OneRule,
    RememberingConsistency,
    RulePerClass,
    RulePerReplay,
    Setting,
    self_consistency,
)
from tts_agent.evaluation.folds import folds
from tts_agent.evaluation.play import Play, play, stops
from tts_agent.evaluation.sweeps import cross_fit
from tts_agent.evaluation.trajectories import Trajectories, trajectories
from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import AdaptiveConsistency, FixedSize

REPLAYS = trajectories(simulated(60), simulated(40, seed=1, name="other"), number=4)
FOLD = folds(REPLAYS.texts)


def test_every_baseline_has_the_same_settings_in_every_fold_and_the_first_is_cheap() -> None:
    for name, contender in BASELINES.items():
        fit = cross_fit(name, contender, REPLAYS, FOLD)
        assert fit.sweep.accuracy.shape == (len(fit.sweep.labels), 100)
        assert fit.tuned.accuracy.shape[1] == 100
    sizes = cross_fit("SC-k", self_consistency, REPLAYS, FOLD).sweep
    assert sizes.samples[:, 0].tolist() == list(range(1, 13))
    assert sizes.accuracy[-1] == pytest.approx(REPLAYS.leader_correct[:, :, -1].mean(axis=1))


def test_a_remembering_rule_decides_as_the_rule_itself() -> None:
    for threshold in (0.76, 0.95, 0.999):
        plain, remembering = AdaptiveConsistency(threshold, 12), RememberingConsistency(threshold, 12)
        assert (stops(REPLAYS, plain) == stops(REPLAYS, remembering)).all()


def test_a_question_is_played_by_what_was_fitted_without_it() -> None:
    @dataclass(frozen=True)
    class Knows:
        """Draws one sample where its training data had the question, two elsewhere."""

        seen: frozenset[str]
        label: str = "knows"

        def play(self, replays: Trajectories) -> Play:
            which = np.array([[int(name not in self.seen)] * replays.shape[1] for name in replays.ids])
            return play(replays, [FixedSize(1), FixedSize(2)], which)

    def contender(training: Trajectories) -> list[Setting]:
        return [Knows(frozenset(training.ids))]

    fit = cross_fit("knows", contender, REPLAYS, FOLD)
    assert (fit.sweep.samples == 2.0).all()


def test_the_knob_is_tuned_to_reach_a_share_of_the_gain_on_training_questions() -> None:
    fit = cross_fit("SC-k", self_consistency, REPLAYS, FOLD)
    single, full = REPLAYS.leader_correct[:, :, 1].mean(), REPLAYS.leader_correct[:, :, -1].mean()
    half = fit.tuned.accuracy[fit.tuned.labels.index("share=0.50")].mean()
    assert half == pytest.approx((single + full) / 2.0, abs=0.03)
    cost = fit.tuned.total_tokens.mean(axis=1)
    assert (np.diff(cost) >= -1e-9).all()


def test_rules_may_depend_on_the_class_and_on_the_first_sample() -> None:
    by_class = RulePerClass("", {"other": FixedSize(3)}, FixedSize(5)).play(REPLAYS)
    assert (by_class.drawn[:60] == 5).all()
    assert (by_class.drawn[60:] == 3).all()

    def long_first(replays: Trajectories) -> np.ndarray:
        return (replays.tokens[:, :, 0] > 100).astype(np.int64)

    by_first = RulePerReplay("", (FixedSize(1), FixedSize(4)), long_first).play(REPLAYS)
    assert (by_first.drawn == np.where(REPLAYS.tokens[:, :, 0] > 100, 4, 1)).all()


def test_a_grid_that_depends_on_the_training_data_is_an_error() -> None:
    def contender(training: Trajectories) -> list[Setting]:
        return [OneRule("", FixedSize(1))] * (1 + (training.ids[0] == "simulated-0"))

    with pytest.raises(ConfigurationError, match="one and the same number"):
        cross_fit("moody", contender, REPLAYS, FOLD)
