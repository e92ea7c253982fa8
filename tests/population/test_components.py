"""Kinds of questions, against simulations and against processes written out vote by vote."""

from collections import Counter
from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.population.by_hand import chance, sequences
from tts_agent.exceptions import ConfigurationError
from tts_agent.population import Components, VoteCounts

KIND = st.tuples(
    st.floats(0.05, 0.95), st.sampled_from([(0.3, 0.0), (4.0, 0.0), (-0.3, 0.5), (2.0, 0.7)]), st.floats(0.05, 0.9)
)


def one_kind(p: float, errors: tuple[float, float], phi: float) -> Components:
    return Components(*(np.array([value]) for value in (p, *errors, phi)))


@given(kind=KIND)
def test_likelihoods_are_those_of_the_process_vote_by_vote(kind: tuple[float, tuple[float, float], float]) -> None:
    components = one_kind(*kind)
    total = 0.0
    for votes in sequences(4):
        counts = VoteCounts.of((None if vote == -1 else vote, vote == 0) for vote in votes)
        assert (counts.right, counts.invalid) == (votes.count(0), votes.count(-1))
        assert sorted(counts.wrong) == sorted(Counter(vote for vote in votes if vote > 0).values())
        likelihood = exp(components.log_likelihood([counts])[0, 0])
        assert likelihood == pytest.approx(chance(votes, *kind), rel=1e-9)
        total += likelihood
    assert total == pytest.approx(1.0)


def test_counts_that_are_large_stay_finite() -> None:
    logs = Components.grid().log_likelihood([VoteCounts(400, tuple([3] * 200), 0), VoteCounts(0, (), 1000)])
    assert logs.shape == (2, len(Components.grid()))
    assert np.isfinite(logs).all()


@pytest.mark.parametrize(
    "kind",
    [(0.0, 1.0, 0.0, 0.5), (1.0, 1.0, 0.0, 0.5), (0.5, 0.0, 0.0, 0.5), (0.5, 1.0, 1.0, 0.5), (0.5, 1.0, 0.0, 0.0)],
)
def test_impossible_kinds_are_refused(kind: tuple[float, float, float, float]) -> None:
    with pytest.raises(ConfigurationError, match="strictly between 0 and 1"):
        Components(*(np.array([value]) for value in kind))
