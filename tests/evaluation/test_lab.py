"""The lab compares contenders at matched accuracy, and says what the best possible stop would do."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from tests.evaluation.synthetic import question, simulated
from tts_agent.evaluation.banks import Bank, BankError
from tts_agent.evaluation.contenders import AC_95, SINGLE_AND_VOTE, TUNED_AC, adaptive_consistency
from tts_agent.evaluation.lab import check_votes, evaluate
from tts_agent.evaluation.stream import TEN_BANKS, mixed_stream, thinned
from tts_agent.evaluation.trajectories import trajectories

BANK = simulated(120, seed=2)
RESULT = evaluate(
    trajectories(BANK, number=6), name="simulated", bank=BANK, contenders={"the same": adaptive_consistency}
)


def test_a_policy_compared_with_itself_has_ratio_one() -> None:
    for matched in RESULT.policies["the same"].matched:
        assert matched.ratio == 1.0
        assert matched.ci == (1.0, 1.0)
        assert matched.to_clairvoyant == pytest.approx(0.0, abs=1e-9)


def test_adaptive_stopping_beats_fixed_sizes_and_the_clairvoyant_stop_beats_all() -> None:
    fixed, tuned = (RESULT.policies[name].matched for name in (SINGLE_AND_VOTE, TUNED_AC))
    assert fixed[2].total_tokens > tuned[2].total_tokens
    assert fixed[2].to_clairvoyant < 0.0
    assert 0.0 < RESULT.policies[TUNED_AC].headroom < 1.0
    best = RESULT.clairvoyant[0]
    assert best.accuracy >= max(point.accuracy for policy in RESULT.policies.values() for point in policy.points)
    assert best.total_tokens < tuned[2].total_tokens


def test_points_have_intervals_over_questions_and_costs_that_add_up() -> None:
    for policy in RESULT.policies.values():
        for point in policy.points:
            assert point.ci[0] <= point.accuracy <= point.ci[1]
            assert point.serial_tokens + 60 * point.samples <= point.total_tokens + 1e-9
    assert len(RESULT.policies[AC_95].points) == 1


def test_limits_and_calibration_are_part_of_a_banks_result() -> None:
    assert RESULT.coverage[1] <= RESULT.coverage[12]
    assert RESULT.full == pytest.approx(RESULT.policies[SINGLE_AND_VOTE].points[-1].accuracy)
    assert {name: [row.n for row in rows] for name, rows in RESULT.ece.items()} == {
        "Beta-Ewens": [2, 5, 10],
        "Adaptive-Consistency": [2, 5, 10],
    }


def test_a_bank_without_any_gain_is_no_crash() -> None:
    bank = Bank("sure", tuple(question(["right"] * 5, name=f"q{n}") for n in range(10)))
    result = evaluate(trajectories(bank, number=2), name="sure", bank=bank)
    assert result.single == result.full == 1.0
    assert np.isnan(result.policies[TUNED_AC].headroom)


def test_a_bank_that_recorded_right_answers_only_is_refused() -> None:
    check_votes(BANK)
    telling = Bank("telling", tuple(question(["right", None, None], name=f"q{n}") for n in range(3)))
    with pytest.raises(BankError, match="telling: 6 of 6 wrong samples have no answer"):
        check_votes(telling)


def test_a_stream_takes_at_most_so_many_questions_of_a_bank_whatever_their_order() -> None:
    some = thinned(BANK, 30)
    assert len(some.questions) == 30
    assert thinned(Bank(BANK.name, BANK.questions[::-1]), 30).questions == some.questions
    stream = mixed_stream([BANK, simulated(30, seed=3, samples=20, name="long")], number=2)
    assert stream.shape == (150, 2, 12)
    assert sorted(set(stream.classes)) == ["long", "simulated"]


@pytest.mark.slow
def test_the_mixed_stream_is_the_one_the_targets_are_about(recorded: Callable[[str], Bank]) -> None:
    """Computed before any code was written: 2,617 questions, .741 and .791, tuned AC 317 tokens at half the gain."""
    result = evaluate(mixed_stream([recorded(name) for name in TEN_BANKS]), name="stream")
    assert result.questions == 2617
    assert result.single == pytest.approx(0.741, abs=0.003)
    assert result.full == pytest.approx(0.791, abs=0.003)
    assert result.policies[TUNED_AC].matched[1].total_tokens == pytest.approx(317, rel=0.05)
