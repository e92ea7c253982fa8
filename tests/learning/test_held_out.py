"""What a probe is worth, in numbers that can be checked by hand."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.learning.held_out import HeldOut
from tts_agent.verifiers import AcceptRates, Verdict


def of(*pairs: tuple[float, bool]) -> HeldOut:
    return HeldOut.of([Verdict(score, score >= 0.5) for score, _ in pairs], [right for _, right in pairs])


def test_the_measures_are_those_of_the_textbook() -> None:
    seen = of((0.95, True), (0.65, False), (0.25, True), (0.05, False))
    assert (seen.samples, seen.right) == (4, 2)
    assert seen.auroc == 0.75  # of four pairs of a right and a wrong one, .25 and .65 are the wrong way round
    assert seen.ece == pytest.approx((0.05 + 0.65 + 0.75 + 0.05) / 4)
    assert seen.rates == AcceptRates(1, 1, 1, 1)


def test_where_all_are_right_there_is_nothing_to_tell_apart() -> None:
    assert of((0.9, True), (0.8, True)).auroc is None


@given(st.lists(st.tuples(st.floats(0.0, 1.0), st.booleans()), min_size=1))
def test_it_comes_back_from_json(pairs: list[tuple[float, bool]]) -> None:
    seen = of(*pairs)
    assert HeldOut.from_json(json.loads(json.dumps(seen.to_json()))) == seen
