"""Doubling until enough agree."""

from collections.abc import Hashable

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import Supermajority
from tts_agent.voting import Tally


def rounds(rule: Supermajority, stream: str) -> list[int]:
    tally, batches = Tally(), []
    while needed := rule.still_needed(tally):
        batches.append(needed)
        tally = tally.add(stream[tally.drawn : tally.drawn + needed])
    return batches


def test_two_that_agree_are_enough() -> None:
    assert rounds(Supermajority(0.75, 2, 32), "aab") == [2]


def test_each_round_doubles_the_samples() -> None:
    assert rounds(Supermajority(0.75, 2, 32), "ab" * 16) == [2, 2, 4, 8, 16]


def test_the_last_round_ends_at_the_maximum() -> None:
    assert rounds(Supermajority(0.75, 2, 12), "ab" * 6) == [2, 2, 4, 4]


def test_the_share_is_of_everything_drawn() -> None:
    rule = Supermajority(0.75, 2, 32)
    assert rule.still_needed(Tally(("a", "a", "a", "b"))) == 0
    assert rule.still_needed(Tally(("a", "a", "b", None))) == 4
    assert rule.still_needed(Tally(("a", None))) == 2


def test_a_short_reply_is_filled_up() -> None:
    assert Supermajority(0.9, 2, 32).still_needed(Tally(("a", "b", "a"))) == 1
    assert Supermajority(0.75, 4, 32).still_needed(Tally(("a",))) == 3


@pytest.mark.parametrize(("share", "first", "most"), [(0.4, 2, 8), (1.1, 2, 8), (0.75, 0, 8), (0.75, 9, 8)])
def test_senseless_settings_are_refused(share: float, first: int, most: int) -> None:
    with pytest.raises(ConfigurationError, match="share must be between"):
        Supermajority(share, first, most)


def test_no_vote_at_all_is_no_majority() -> None:
    nothing: tuple[Hashable | None, ...] = (None,) * 8
    assert Supermajority(0.5, 2, 8).still_needed(Tally(nothing[:2])) == 2
    assert Supermajority(0.5, 2, 8).still_needed(Tally(nothing)) == 0
