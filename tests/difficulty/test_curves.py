"""What a card's picture is drawn from: bins that add up, and a ROC curve whose area is the AUROC."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.difficulty.curves import MOST_POINTS, Curves
from tts_agent.difficulty.metrics import Scores
from tts_agent.difficulty.questions import Counts

ENTRIES = st.lists(
    st.tuples(st.floats(-6.0, 6.0), st.integers(0, 4), st.sampled_from((0.25, 0.5, 1.0))), min_size=1, max_size=40
)


def curves_and_scores(entries: list[tuple[float, int, float]]) -> tuple[Curves, Scores]:
    logits, passed, weight = (np.array(column, dtype=np.float64) for column in zip(*entries, strict=True))
    beliefs = np.stack((logits, np.ones(len(entries))), axis=1)
    counts = Counts(passed, np.full(len(entries), 4.0), weight, np.arange(len(entries)))
    return Curves.of(beliefs, counts), Scores.of(beliefs, counts)


@given(ENTRIES)
def test_bins_hold_every_question_and_their_gaps_are_the_calibration_error(
    entries: list[tuple[float, int, float]],
) -> None:
    curves, scores = curves_and_scores(entries)
    total = sum(weight for *_, weight in entries)
    assert sum(each.questions for each in curves.bins) == pytest.approx(total)
    gap = sum(each.questions * abs(each.predicted - each.observed) for each in curves.bins) / total
    assert gap == pytest.approx(scores.ece)


@given(ENTRIES)
def test_the_area_under_the_ranking_is_the_auroc_and_there_is_none_without_both_outcomes(
    entries: list[tuple[float, int, float]],
) -> None:
    curves, scores = curves_and_scores(entries)
    if scores.auroc is None:
        assert curves.ranking == ()
        return
    assert (curves.ranking[0], curves.ranking[-1]) == ((0.0, 0.0), (1.0, 1.0))
    false, true = zip(*curves.ranking, strict=True)
    assert np.trapezoid(true, false) == pytest.approx(scores.auroc)


def test_a_long_ranking_is_thinned_and_keeps_its_area() -> None:
    curves, scores = curves_and_scores([(at / 100.0, min(4, at // 200 + at % 2), 1.0) for at in range(1000)])
    assert len(curves.ranking) == MOST_POINTS
    false, true = zip(*curves.ranking, strict=True)
    assert np.trapezoid(true, false) == pytest.approx(scores.auroc, abs=0.005)
