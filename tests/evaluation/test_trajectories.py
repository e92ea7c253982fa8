"""Trajectories say of every prefix what a tally says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.evaluation.synthetic import banks
from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.trajectories import trajectories
from tts_agent.exceptions import ConfigurationError
from tts_agent.voting import Tally


@given(banks(), st.integers(1, 9))
def test_every_prefix_says_what_a_tally_says(bank: Bank, most: int) -> None:
    replays = trajectories(bank, number=2, max_samples=most)
    questions, number, samples = replays.shape
    for q, r, n in np.ndindex(questions, number, samples + 1):
        votes = replays.votes[q, r, : min(n, replays.lengths[q])].tolist()
        tally = Tally(tuple(None if vote < 0 else vote for vote in votes))
        assert tuple(replays.top[q, r, n]) == tally.top()
        assert replays.table[replays.states[q, r, n]] == (tally.invalid, tuple(tally.counts.values()))
        canonical = replays.tally(int(replays.states[q, r, n]))
        assert (canonical.drawn, canonical.top(), canonical.invalid) == (tally.drawn, tally.top(), tally.invalid)
        right = tally.leader is not None and replays.correct[q, r, votes.index(tally.leader)]
        assert replays.leader_correct[q, r, n] == right
        assert replays.cost[q, r, n] == replays.tokens[q, r, :n].sum() + 60 * tally.drawn


@given(banks(), st.integers(1, 9))
def test_the_full_vote_counts_every_sample_whatever_the_ordering(bank: Bank, most: int) -> None:
    replays = trajectories(bank, number=3)
    assert (replays.states[:, :, -1] == replays.states[:, :1, -1]).all()
    assert (replays.cost[:, :, -1] == replays.cost[:, :1, -1]).all()


def test_nothing_to_replay_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="nothing to replay"):
        trajectories(Bank("empty", ()))
