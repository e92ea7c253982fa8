"""ESC: stop at a unanimous window."""

from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import Window
from tts_agent.voting import Tally

VOTES = st.lists(st.sampled_from(["a", "b", None]), min_size=40, max_size=40)


def asked(rule: Window, stream: list[Hashable | None]) -> tuple[int, list[int]]:
    """Samples drawn from a stream until the rule stops, and the batches."""
    tally, batches = Tally(), []
    while needed := rule.still_needed(tally):
        batches.append(needed)
        tally = tally.add(stream[tally.drawn : tally.drawn + needed])
    return tally.drawn, batches


def test_one_unanimous_window_is_enough() -> None:
    assert asked(Window(3, 9), list("aaabbb")) == (3, [3])


def test_windows_do_not_overlap() -> None:
    assert asked(Window(3, 9), list("baaabbbbb")) == (9, [3, 3, 3])
    assert asked(Window(3, 9), list("baabbbaaa")) == (6, [3, 3])


def test_samples_that_cannot_vote_agree_with_nobody() -> None:
    assert asked(Window(2, 6), [None, None, "a", None, "a", "a"]) == (6, [2, 2, 2])


def test_a_unanimous_window_settles_it_whatever_was_drawn_after() -> None:
    assert Window(3, 9).still_needed(Tally(tuple("aaab"))) == 0
    assert Window(3, 9).still_needed(Tally(tuple("baaa"))) == 2


def test_the_last_window_may_be_smaller() -> None:
    assert asked(Window(4, 10), list("abababababab")) == (10, [4, 4, 2])


def test_a_probe_counts_as_part_of_the_first_window() -> None:
    assert Window(5, 40).still_needed(Tally(("a",))) == 4
    assert Window(5, 40).still_needed(Tally(("a",) * 5)) == 0


@given(stream=VOTES, size=st.integers(1, 6), more=st.integers(0, 20))
def test_it_stops_where_the_paper_does(stream: list[Hashable | None], size: int, more: int) -> None:
    most = size + more
    drawn = 0
    while drawn < most:  # algorithm 1 of the paper: sample a window, stop if all of it agree
        window = stream[drawn : min(drawn + size, most)]
        drawn += len(window)
        if len(window) == size and None not in window and len(set(window)) == 1:
            break
    assert asked(Window(size, most), stream)[0] == drawn


@pytest.mark.parametrize(("size", "most"), [(0, 5), (5, 4)])
def test_a_window_must_fit(size: int, most: int) -> None:
    with pytest.raises(ConfigurationError, match="1 <= size <= max_samples"):
        Window(size, most)
