"""Adaptive-Consistency: stop when the leader will surely stay ahead."""

from collections.abc import Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import AdaptiveConsistency
from tts_agent.voting import Tally

STREAMS = st.lists(st.sampled_from(["a", "a", "a", "b", "c", None]), min_size=40, max_size=40)


@pytest.mark.parametrize(
    ("leader", "second", "confidence"),
    [(0, 0, 0.5), (1, 0, 0.75), (3, 0, 0.9375), (4, 0, 0.96875), (5, 1, 0.9375), (6, 1, 247 / 256), (2, 2, 0.5)],
)
def test_confidence_is_the_papers_beta(leader: int, second: int, confidence: float) -> None:
    assert AdaptiveConsistency.confidence(leader, second) == pytest.approx(confidence)


@given(second=st.integers(0, 20), lead=st.integers(0, 20))
def test_confidence_is_scipys(second: int, lead: int) -> None:
    scipy = pytest.importorskip("scipy.special")
    found = AdaptiveConsistency.confidence(second + lead, second)
    assert found == pytest.approx(float(scipy.betainc(second + 1, second + lead + 1, 0.5)), abs=1e-10)


def test_unanimity_takes_four_votes_at_95_percent() -> None:
    rule = AdaptiveConsistency(0.95, 40)
    assert [rule.still_needed(Tally(("a",) * n)) for n in range(6)] == [4, 3, 2, 1, 0, 0]


def test_a_dissenter_costs_more_votes() -> None:
    assert AdaptiveConsistency().still_needed(Tally(("a", "a", "a", "b"))) == 3
    assert AdaptiveConsistency().still_needed(Tally(("a",) * 6 + ("b",))) == 0


def test_third_answers_and_silent_samples_do_not_count_against_the_leader() -> None:
    assert AdaptiveConsistency().still_needed(Tally((*"aaaaaab", "c", "d", None))) == 0


def one_at_a_time(rule: AdaptiveConsistency, stream: list[Hashable | None]) -> int:
    tally = Tally()
    while tally.drawn < rule.max_samples and rule.confidence(*tally.top()) < rule.threshold:
        tally = tally.add(stream[tally.drawn : tally.drawn + 1])
    return tally.drawn


@given(stream=STREAMS, threshold=st.sampled_from([0.6, 0.8, 0.95, 0.99]), most=st.integers(1, 40))
@settings(max_examples=150)
def test_in_batches_it_stops_where_one_at_a_time_would(
    stream: list[Hashable | None], threshold: float, most: int
) -> None:
    rule, tally = AdaptiveConsistency(threshold, most), Tally()
    while needed := rule.still_needed(tally):
        tally = tally.add(stream[tally.drawn : tally.drawn + needed])
    assert tally.drawn == one_at_a_time(rule, stream) <= most


@pytest.mark.parametrize(("threshold", "most"), [(0.5, 10), (1.0, 10), (0.95, 0)])
def test_senseless_settings_are_refused(threshold: float, most: int) -> None:
    with pytest.raises(ConfigurationError, match="threshold must be between"):
        AdaptiveConsistency(threshold, most)
