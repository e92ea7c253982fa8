"""Replaying revision without feedback."""

from random import Random

import pytest

from tts_agent.evaluation.banks import bank_folder, find_bank
from tts_agent.evaluation.turns import Turn, TurnBank, TurnTask, load_turns
from tts_agent.evaluation.turns_blind import replay_blind
from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.refinement import limit


def ladder(start: float, fix: float, broken: float, rungs: int = 5, tasks: int = 1200) -> TurnBank:
    chance, made = Random(5), []
    for number in range(tasks):
        right = chance.random() < start
        turns = []
        for rung in range(rungs):
            turns.append(Turn(right, 100 * (rung + 1)))
            right = chance.random() >= broken if right else chance.random() < fix
        made.append(TurnTask(str(number), tuple(turns)))
    return TurnBank("ladder", tuple(made))


def test_a_chain_that_climbs_is_climbed_and_predicted() -> None:
    replay = replay_blind(ladder(0.3, 0.3, 0.05), repeats=2)
    assert replay.error <= 0.03
    assert replay.fix == pytest.approx(0.3, abs=0.03)
    assert replay.breaks == pytest.approx(0.05, abs=0.02)
    assert replay.limit == pytest.approx(limit(0.3, 0.05), abs=0.05)
    assert replay.points[0].rung == pytest.approx(4.0)
    assert replay.passed


def test_a_chain_that_falls_is_left_alone_although_rungs_are_free() -> None:
    replay = replay_blind(ladder(0.9, 0.2, 0.1), repeats=2)
    assert replay.points[0].price == 0.0
    assert replay.points[0].rung == 0.0
    assert replay.points[0].best_rung == 0
    assert replay.error <= 0.03


def test_rungs_of_another_model_are_skipped() -> None:
    climbing = ladder(0.3, 0.3, 0.05, tasks=100)
    replay = replay_blind(climbing, skip=2, repeats=1)
    assert len(replay.observed) == 3
    assert replay.tokens == (300.0, 400.0, 500.0)


def test_a_ladder_with_nothing_to_decide_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="cannot be split in 5 folds"):
        replay_blind(ladder(0.5, 0.1, 0.1, tasks=3))
    with pytest.raises(ConfigurationError, match="of 1 rungs"):
        replay_blind(ladder(0.5, 0.1, 0.1, tasks=30), skip=4)


def test_longer_thinking_of_the_recorded_model_brings_nothing_and_is_not_bought() -> None:
    if bank_folder() is None:
        pytest.skip("no recorded banks on this machine: set TTS_AGENT_BANKS")
    replay = replay_blind(load_turns(find_bank("global_mmlu_en__s1.1-32b__budget_ladder")), skip=1, repeats=3)
    assert replay.observed[0] > replay.observed[-1]
    assert replay.passed
    assert all(point.rung < 0.5 for point in replay.points)
