"""Adaptive-Consistency's Dirichlet criterion."""

from collections.abc import Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import AdaptiveConsistency, DirichletConsistency
from tts_agent.stopping.dirichlet_consistency import share_is_largest
from tts_agent.voting import Tally


@pytest.mark.parametrize(
    "counts", [(1, 0), (2, 1, 1), (3, 2, 2, 1, 1), (7, 3, 2, 1, 1, 1), (12, 11, 9), (40, 31, 2, 1), (500, 480, 20)]
)
def test_the_integral_is_what_simulation_finds(counts: tuple[int, ...]) -> None:
    np = pytest.importorskip("numpy")
    n = 200_000
    shares = np.random.default_rng(0).dirichlet([1.0 + count for count in counts], size=n)
    found = share_is_largest(counts)
    assert found == pytest.approx(
        float((shares.argmax(axis=1) == 0).mean()), abs=4.0 * (found * (1 - found) / n) ** 0.5
    )


@settings(max_examples=30)
@given(leader=st.integers(0, 200), second=st.integers(0, 200))
def test_between_two_answers_it_is_the_beta_criterion(leader: int, second: int) -> None:
    assert share_is_largest((leader, second)) == pytest.approx(AdaptiveConsistency.confidence(leader, second), abs=1e-9)


@settings(max_examples=30)
@given(counts=st.lists(st.integers(0, 30), min_size=2, max_size=5))
def test_somebody_has_the_largest_share(counts: list[int]) -> None:
    chances = [share_is_largest((count, *counts[:i], *counts[i + 1 :])) for i, count in enumerate(counts)]
    assert sum(chances) == pytest.approx(1.0, abs=1e-9)


def test_large_counts_stay_exact() -> None:
    assert share_is_largest((1000, 1000)) == pytest.approx(0.5, abs=1e-9)
    assert share_is_largest((1000, 1000, 0, 0)) == pytest.approx(0.5, abs=1e-9)


@settings(max_examples=50)
@given(votes=st.lists(st.sampled_from(["a", "a", "b", "c", "d", None]), max_size=30))
def test_it_never_stops_before_the_beta_criterion(votes: list[Hashable | None]) -> None:
    tally = Tally(tuple(votes))
    assert DirichletConsistency(0.9, 40).still_needed(tally) >= AdaptiveConsistency(0.9, 40).still_needed(tally)


def test_singletons_cost_votes_that_the_beta_criterion_does_not_see() -> None:
    votes = Tally(("a",) * 6 + ("b", "c", "d", "e", "f", "g"))
    assert AdaptiveConsistency().still_needed(votes) == 0
    assert DirichletConsistency().still_needed(votes) == 3


@given(
    stream=st.lists(st.sampled_from(["a", "a", "b", "c", None]), min_size=40, max_size=40),
    threshold=st.sampled_from([0.6, 0.8, 0.95]),
    most=st.integers(1, 40),
)
@settings(max_examples=50)
def test_in_batches_it_stops_where_one_at_a_time_would(
    stream: list[Hashable | None], threshold: float, most: int
) -> None:
    rule, tally, single = DirichletConsistency(threshold, most), Tally(), Tally()
    while needed := rule.still_needed(tally):
        tally = tally.add(stream[tally.drawn : tally.drawn + needed])
    while rule.still_needed(single):
        single = single.add(stream[single.drawn : single.drawn + 1])
    assert tally == single


@pytest.mark.parametrize(("threshold", "most"), [(0.5, 10), (1.0, 10), (0.95, 0)])
def test_senseless_settings_are_refused(threshold: float, most: int) -> None:
    with pytest.raises(ConfigurationError, match="threshold must be between"):
        DirichletConsistency(threshold, most)
