"""Replaying refinement with feedback."""

from random import Random

import numpy as np
import pytest

from tts_agent.evaluation.banks import bank_folder, find_bank
from tts_agent.evaluation.replay_sampler import PROMPT_TOKENS
from tts_agent.evaluation.turns import Turn, TurnBank, TurnTask, load_turns
from tts_agent.evaluation.turns_refinement import FEEDBACK_TOKENS, RefinementReplay, replay_refinement, turns_of
from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping.fix_rates import FixRates, RoundCounts
from tts_agent.stopping.refinement import Refinement


def bank(hazards: tuple[float, ...], tasks: int = 400, seed: int = 3, tokens: int | None = 50) -> TurnBank:
    """Tasks that are solved in each turn with these probabilities."""
    chance, made = Random(seed), []
    for number in range(tasks):
        turns: list[Turn] = []
        for hazard in hazards:
            turns.append(Turn(chance.random() < hazard, tokens))
            if turns[-1].right:
                break
        made.append(TurnTask(str(number), tuple(turns)))
    return TurnBank("made up", tuple(made))


@pytest.fixture(scope="module")
def explored() -> RefinementReplay:
    """An agent whose second turn only looks around."""
    return replay_refinement(bank((0.3, 0.01, 0.4, 0.3, 0.2, 0.1)), repeats=3, seed=1)


def test_solved_by_turn_is_predicted_where_one_rate_is_not(explored: RefinementReplay) -> None:
    assert explored.error < 0.03
    assert explored.single_error > 0.05
    assert explored.log_losses[0] < explored.log_losses[1]


def test_it_goes_through_the_turn_that_only_looks_around(explored: RefinementReplay) -> None:
    middle = next(point for point in explored.points if point.price == 0.03)
    assert middle.best_turns > 2
    assert middle.ours_turns > 2
    assert middle.ours > 0.9 * middle.best


def test_hindsight_is_never_beaten_by_much_and_dearer_turns_are_fewer(explored: RefinementReplay) -> None:
    assert all(point.ours <= point.best + 1e-9 for point in explored.points)
    assert all(point.learned <= point.best + 1e-9 for point in explored.points)
    turns = [point.ours_turns for point in explored.points]
    assert turns == sorted(turns, reverse=True)
    assert explored.regret == pytest.approx(max(point.best - point.ours for point in explored.points))


def test_without_signals_the_rule_that_looks_at_them_is_the_plain_one(explored: RefinementReplay) -> None:
    assert not explored.told
    assert all(point.signalled == pytest.approx(point.ours) for point in explored.points)


def test_signals_that_tell_the_hopeless_apart_are_used() -> None:
    """Half of the tasks never run, and are never solved."""
    chance, tasks = Random(2), []
    for number in range(400):
        hopeless, turns = chance.random() < 0.5, [Turn(False, 50, valid=chance.random() < 0.5)]
        while len(turns) < 6 and not turns[-1].right:
            turns.append(Turn(not hopeless and chance.random() < 0.4, 50 + len(turns), valid=not hopeless))
        tasks.append(TurnTask(str(number), tuple(turns)))
    replay = replay_refinement(TurnBank("half hopeless", tuple(tasks)), repeats=2)
    assert replay.told
    dear = next(point for point in replay.points if point.price == 0.12)
    assert dear.signalled > dear.best + 0.02


def test_equal_seeds_replay_alike() -> None:
    small = bank((0.3, 0.2, 0.1), tasks=40)
    assert replay_refinement(small, repeats=2) == replay_refinement(small, repeats=2)


def test_a_turn_reads_what_was_said_before_it() -> None:
    """One price, everything by hand: three tasks of two turns, of which none is ever solved."""
    tasks = tuple(TurnTask(str(n), (Turn(False, 10), Turn(False, 30))) for n in range(6))
    replay = replay_refinement(TurnBank("hopeless", tasks), repeats=1, folds=2, prices=(0.9,))
    assert replay.unit == "tokens"
    assert (replay.points[0].best, replay.points[0].best_turns) == (0.0, 0)
    first, second = PROMPT_TOKENS + 10, PROMPT_TOKENS + 10 + FEEDBACK_TOKENS + 30
    solved = tuple(TurnTask(str(n), (Turn(False, 10), Turn(True, 30))) for n in range(6))
    point = replay_refinement(TurnBank("sure", solved), repeats=1, folds=2, prices=(0.1,)).points[0]
    assert point.best_turns == 2
    assert point.best == pytest.approx(1.0 - 0.1 * (first + second) / ((first + second) / 2))


def test_the_replay_is_what_following_the_rule_turn_by_turn_earns() -> None:
    recorded = bank((0.3, 0.2, 0.15, 0.1), tasks=60, tokens=None)
    replay = replay_refinement(recorded, repeats=1, folds=60, prices=(0.1,))  # each task has a rule of its own
    order = np.random.default_rng(0).permutation(60)
    earned = 0.0
    for held_out in order:
        task = recorded.tasks[held_out]
        rates = FixRates.fit(RoundCounts.of(other.right for n, other in enumerate(recorded.tasks) if n != held_out))
        rule = Refinement((rates.attempt, *rates.rates(3)), (0.1,) * 4)
        made = 0
        while rule.still_needed(made):
            earned -= 0.1
            made += 1
            if task.right[made - 1]:
                earned += 1.0
                break
    assert replay.unit == "turns"
    assert replay.points[0].ours == pytest.approx(earned / 60)


def test_runs_that_broke_off_do_not_count_as_failures() -> None:
    """Half of the runs end after a wrong first turn; the others go on and are solved by the second."""
    tasks = [TurnTask(f"broke off {n}", (Turn(False),)) for n in range(50)]
    tasks += [TurnTask(f"solved {n}", (Turn(False), Turn(True))) for n in range(50)]
    replay = replay_refinement(TurnBank("broken off", tuple(tasks)), repeats=2)
    assert replay.observed == (0.0, 1.0)
    assert replay.error < 0.03


def test_turns_are_asked_for_one_by_one() -> None:
    assert turns_of(Refinement((0.5, 0.4, 0.0), (0.1, 0.1, 0.1))) == 2
    assert turns_of(Refinement((), ())) == 0


def test_a_bank_with_nothing_to_decide_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="3 tasks of 2 turns cannot be split"):
        replay_refinement(bank((0.0, 0.0), tasks=3))
    with pytest.raises(ConfigurationError, match="tasks of 1 turns"):
        replay_refinement(bank((0.5,), tasks=30))


def test_gpt4_on_sql_is_predicted_and_its_exploring_turn_is_made() -> None:
    if bank_folder() is None:
        pytest.skip("no recorded banks on this machine: set TTS_AGENT_BANKS")
    sql = load_turns(find_bank("intercode_sql__ic_sql_multiturn_gpt-4_10_turns"))
    replay = replay_refinement(sql, repeats=2)
    assert replay.error <= 0.03
    assert replay.single_error > 0.1
    assert all(point.lost <= 0.1 for point in replay.points if point.price <= 0.12)
