"""Limits are exact on banks one can count by hand, and reproduce published numbers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.synthetic import banks, question, simulated
from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.limits import clairvoyant, coverage, modal_limit, reliability
from tts_agent.evaluation.play import play
from tts_agent.evaluation.trajectories import trajectories
from tts_agent.stopping import AdaptiveConsistency, FixedSize

HAND = Bank(
    "by hand", (question(["right", "w", "w", None], name="a"), question(["right", "right", "w", "w"], name="b"))
)


def test_coverage_and_reliability_are_unbiased_over_the_recorded_samples() -> None:
    assert coverage(HAND, 1) == pytest.approx((1 / 4 + 1 / 2) / 2)
    assert coverage(HAND, 2) == pytest.approx((1 / 2 + 5 / 6) / 2)
    assert coverage(HAND, 9) == 1.0
    assert reliability(HAND, 1) == coverage(HAND, 1)
    assert reliability(HAND, 2) == pytest.approx((0 + 1 / 6) / 2)


def test_the_modal_limit_splits_ties() -> None:
    assert modal_limit(HAND) == pytest.approx((0 + 1 / 2) / 2)


@given(banks(), st.sampled_from([0.0, 1e-4, 1e-2]))
def test_no_rule_is_worth_more_than_the_clairvoyant_stop_at_its_price(bank: Bank, price: float) -> None:
    replays = trajectories(bank, number=2)
    best = clairvoyant(replays, price)
    for rule in (FixedSize(1), FixedSize(3), AdaptiveConsistency(0.8, 9)):
        played = play(replays, rule)
        gap = (best.correct - price * best.total_tokens) - (played.correct - price * played.total_tokens)
        assert (gap >= -1e-12).all()
    assert (best.drawn >= 1).all()


def test_without_a_price_it_stops_where_the_leader_is_first_right_and_at_once_where_it_never_is() -> None:
    replays = trajectories(simulated(40), number=5)
    stop = clairvoyant(replays, 0.0)
    ever = replays.leader_correct[:, :, 1:].any(axis=2)
    assert (stop.correct == ever).all()
    assert (stop.drawn == np.where(ever, 1 + replays.leader_correct[:, :, 1:].argmax(axis=2), 1)).all()


def test_published_limits_come_out(recorded: Callable[[str], Bank]) -> None:
    """tau-bench airline, GPT-4o (arXiv 2406.12045): pass^1..4; HumanEval, CodeGen-16B: pass@1 and pass@100."""
    tau = recorded("tau_bench_airline__gpt-4o__trials4")
    assert [round(reliability(tau, k), 3) for k in (1, 2, 3, 4)] == [0.420, 0.273, 0.220, 0.200]
    code = recorded("humaneval__codegen-16b__t0.8")
    assert coverage(code, 1) == pytest.approx(0.221, abs=0.0005)
    assert coverage(code, 100) == pytest.approx(0.738, abs=0.0005)
