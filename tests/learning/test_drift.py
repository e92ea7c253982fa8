"""Drift: alarms as rare as stated, soon when beliefs are off, and back when they hold again."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.difficulty import SampleSignals, StepText
from tts_agent.events import Decided
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.drift import Detector, DriftMonitor, Watched, no_label_rule, second_agrees
from tts_agent.messages import user
from tts_agent.population import Population
from tts_agent.probability import Beta
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import ClassProfile, Fixed
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single
from tts_agent.testing.scripted import ScriptedSampler


@given(st.floats(0.3, 20.0), st.floats(0.3, 20.0), st.floats(0.05, 20.0))
def test_predicted_agreement_is_that_of_the_beta_and_the_restaurant(a: float, b: float, theta: float) -> None:
    right_twice = a * (a + 1) / ((a + b) * (a + b + 1))
    wrong_twice = b * (b + 1) / ((a + b) * (a + b + 1))
    predicted = second_agrees(Population.of(Beta(a, b), theta))
    assert predicted == pytest.approx(right_twice + wrong_twice / (1 + theta), abs=1e-6)


def agreements(shares: Sequence[float], seed: int) -> Iterator[tuple[float, bool]]:
    """Predictions of steps of mixed difficulty, and agreements that are so much likelier, step after step."""
    random_ = random.Random(seed)
    for off in shares:
        predicted = random_.uniform(0.3, 0.7)
        yield predicted, random_.random() < predicted + off


def steps_to_change(detector: Detector, off: float, seed: int, most: int) -> int:
    for step, (predicted, agreed) in enumerate(agreements([off] * most, seed), 1):
        if detector.observe(predicted, agreed):
            return step
    return most


@pytest.mark.parametrize("off", [-0.1, 0.0, 0.1])
def test_false_alarms_come_no_sooner_than_stated(off: float) -> None:
    # 200 runs, cut at three times the threshold: their mean is below the true one, and still above what is stated.
    runs = [steps_to_change(Detector(tolerance=0.1, threshold=100.0), off, seed, 300) for seed in range(200)]
    assert float(np.mean(runs)) > 100.0


@pytest.mark.parametrize(("off", "direction"), [(-0.3, "less"), (0.3, "more")])
def test_a_drift_after_a_long_calm_is_found_soon_and_its_end_too(off: float, direction: str) -> None:
    found, recovered = [], []
    for seed in range(20):
        detector = Detector(tolerance=0.1, threshold=10_000.0)
        assert steps_to_change(detector, 0.0, seed, 1_000) == 1_000
        found.append(steps_to_change(detector, off, 100 + seed, 1_000))
        assert detector.drifted == direction
        recovered.append(steps_to_change(detector, 0.0, 200 + seed, 5_000))
        assert detector.drifted is None
    assert np.median(found) < 250
    assert np.median(recovered) < 1_500


def test_samples_that_swing_to_the_other_side_are_found_too() -> None:
    detector = Detector(tolerance=0.1, threshold=1_000.0)
    seen = [
        detector.drifted
        for predicted, agreed in agreements([-0.3] * 400 + [0.3] * 800, 0)
        if detector.observe(predicted, agreed)
    ]
    assert seen == ["less", None, "more"]


class Believes:
    """An estimator with one belief for all."""

    def __init__(self, belief: Beta) -> None:
        self.belief = belief

    def predict(self, steps: Sequence[StepText]) -> list[Beta]:
        return [self.belief for _ in steps]

    def update(self, step: StepText, difficulty: Beta, first: SampleSignals) -> Beta:
        return difficulty


def replies(seed: int, pass_rate: float) -> Iterator[str]:
    random_ = random.Random(seed)
    while True:
        right = random_.random() < pass_rate
        yield f"The answer is {7 if right else random_.randrange(1_000, 9_999)}."


def test_a_model_that_got_worse_is_voted_on_without_predictions_until_they_hold(
    caplog: pytest.LogCaptureFixture,
) -> None:
    script = [*islice(replies(0, 0.9), 600), *islice(replies(1, 0.3), 1_500), *islice(replies(2, 0.9), 60_000)]
    profiles = {"sums": ClassProfile(theta=50.0)}
    monitor = DriftMonitor(profiles, steps_per_false_alarm=1_000)
    reasoner = AdaptiveReasoner(
        ScriptedSampler(script),
        policy=Watched(Fixed(SelfConsistency(FixedSize(2))), monitor),
        estimator=Believes(Beta(90.0, 10.0)),
        on_result=monitor,
    )
    states: list[object] = []
    with caplog.at_level(logging.WARNING):
        for _ in range(1_000):
            before = monitor.drifted("sums")
            result = reasoner.run(Step((user("What is 3 + 4?"),), kind="sums"))
            (decided,) = [event for event in result.events if isinstance(event, Decided)]
            assert ("samples agree less often than predicted" in decided.reason) == (before == "less")
            if before:
                assert len(result.outcome.samples) >= 4
            states += [monitor.drifted("sums")] if monitor.drifted("sums") != before else []
    assert states == ["less", None]
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "steps of class 'sums': samples agree less often than predicted; predictions are set aside",
        "steps of class 'sums': samples agree as predicted again; predictions are used",
    ]


def test_classes_are_watched_apart() -> None:
    monitor = DriftMonitor(steps_per_false_alarm=100)
    for _ in range(100):
        monitor.observe("sums", 0.9, False)
        monitor.observe("plans", 0.9, True)
    assert (monitor.drifted("sums"), monitor.drifted("plans"), monitor.drifted("other")) == ("less", None, None)


def test_steps_without_a_belief_or_a_second_vote_teach_nothing() -> None:
    monitor = DriftMonitor(steps_per_false_alarm=2)
    step = Step((user("What is 3 + 4?"),))
    split = ["The answer is 1.", "The answer is 2."] * 200
    for policy, belief in ((Fixed(SelfConsistency(FixedSize(2))), None), (Fixed(Single()), Believes(Beta(99.0, 1.0)))):
        reasoner = AdaptiveReasoner(ScriptedSampler(split), policy=policy, estimator=belief, on_result=monitor)
        for _ in range(20):
            reasoner.run(step)
    mute = ScriptedSampler([Sample("The answer is", "length")] * 99)
    reasoner = AdaptiveReasoner(
        mute,
        policy=Fixed(SelfConsistency(FixedSize(2))),
        estimator=Believes(Beta(99.0, 1.0)),
        on_result=monitor,
    )
    for _ in range(20):
        reasoner.run(step)
    assert monitor.drifted("default") is None


def test_the_rule_without_labels_always_sees_two_samples() -> None:
    assert no_label_rule().rule.still_needed(Step((user("?"),)).tally()) >= 2


@pytest.mark.parametrize(("tolerance", "steps"), [(-0.1, 100.0), (1.0, 100.0), (0.1, 1.0)])
def test_settings_out_of_range_are_refused(tolerance: float, steps: float) -> None:
    with pytest.raises(ConfigurationError, match="tolerance must be"):
        DriftMonitor(tolerance=tolerance, steps_per_false_alarm=steps)
