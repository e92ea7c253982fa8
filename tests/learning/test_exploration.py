"""Exploration: each arm as often as its propensity says, and again the same when a step is replayed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tts_agent.budget import Budget, BudgetView
from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.exploration import Exploring
from tts_agent.learning.record_file import read_records
from tts_agent.learning.recording import Recorder
from tts_agent.messages import user
from tts_agent.reasoner import AdaptiveReasoner
from tts_agent.routing import Decision, Fixed, MarginalValue
from tts_agent.step import Step
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, Single
from tts_agent.testing.scripted import ScriptedSampler

VOTE = SelfConsistency(FixedSize(3))
OWN = SelfConsistency(FixedSize(7))


def view() -> BudgetView:
    return Budget(None).view()


def decisions(policy: Exploring, count: int) -> list[Decision]:
    return [policy.decide(Step((user(f"What is {number}?"),)), view()) for number in range(count)]


def test_each_arm_is_taken_as_often_as_its_propensity_says() -> None:
    chosen = decisions(Exploring(Fixed(OWN), (Single(), VOTE), rate=0.4), 4_000)
    assert chosen[0].propensities == pytest.approx({"single": 0.2, "self_consistency": 0.8})
    shares = Counter(decision.name for decision in chosen)
    assert shares["single"] / 4_000 == pytest.approx(0.2, abs=0.025)


def test_an_arm_that_is_the_policys_choice_keeps_the_policys_settings() -> None:
    chosen = decisions(Exploring(Fixed(OWN), (VOTE,), rate=1.0), 20)
    assert {decision.strategy for decision in chosen} == {OWN}
    assert {decision.reason for decision in chosen} == {"the policy is fixed"}


def test_a_choice_that_is_no_arm_keeps_what_the_arms_leave() -> None:
    (decision,) = decisions(Exploring(Fixed(Single()), (VOTE,), rate=0.1), 1)
    assert decision.propensities == pytest.approx({"self_consistency": 0.1, "single": 0.9})


def test_a_replayed_step_decides_as_before_and_another_seed_otherwise() -> None:
    names = [
        [decision.name for decision in decisions(Exploring(Fixed(Single()), (VOTE,), rate=0.5, seed=seed), 50)]
        for seed in (0, 0, 1)
    ]
    assert names[0] == names[1] != names[2]


def test_a_probe_is_left_alone_and_what_follows_is_explored() -> None:
    policy = Exploring(MarginalValue(), (VOTE,), rate=1.0)
    reasoner = AdaptiveReasoner(ScriptedSampler(["The answer is 4."] * 9), policy=policy)
    result = reasoner.run("What is 2 + 2?")
    assert sum(result.decision.propensities.values()) == pytest.approx(1.0)
    assert result.decision.name == "self_consistency"


def test_propensities_are_recorded_and_the_reason_tells_what_was_explored(tmp_path: Path) -> None:
    with Recorder(tmp_path / "records") as recorder:
        policy = Exploring(Fixed(Single()), (VOTE,), rate=1.0)
        sampler = ScriptedSampler(["The answer is 4."] * 9)
        result = AdaptiveReasoner(sampler, policy=policy, on_result=recorder).run("What is 2 + 2?")
    assert result.decision.reason == "explored, with probability 1, in place of single"
    (record,) = read_records(tmp_path / "records")
    assert record.strategy == "self_consistency"
    assert record.propensities == {"self_consistency": 1.0, "single": 0.0}


def test_settings_that_make_no_exploration_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="one arm or more"):
        Exploring(Fixed(VOTE), ())
    with pytest.raises(ConfigurationError, match="a name of its own"):
        Exploring(Fixed(VOTE), (VOTE, OWN))
    with pytest.raises(ConfigurationError, match=r"rate is 1\.5"):
        Exploring(Fixed(VOTE), (VOTE,), rate=1.5)
