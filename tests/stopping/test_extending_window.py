"""DSC's extending pre-sampling window."""

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import ExtendingWindow
from tts_agent.voting import Tally


def rounds(rule: ExtendingWindow, stream: str) -> list[int]:
    tally, batches = Tally(), []
    while needed := rule.still_needed(tally):
        batches.append(needed)
        tally = tally.add(stream[tally.drawn : tally.drawn + needed])
    return batches


def test_a_clear_vote_ends_with_the_presample() -> None:
    assert rounds(ExtendingWindow(6, 4), "aaaaaa") == [6]


def test_an_unclear_vote_extends_the_window_until_it_is_clear() -> None:
    assert rounds(ExtendingWindow(4, 3), "abab" + "aaa" + "aaa") == [4, 3, 3]


def test_the_window_ends_at_the_maximum() -> None:
    assert rounds(ExtendingWindow(4, 4, 0.95, 10), "ab" * 5) == [4, 4, 2]


def test_a_short_reply_is_filled_up_and_a_probe_counts() -> None:
    rule = ExtendingWindow(4, 4)
    assert rule.still_needed(Tally(("a",))) == 3
    assert rule.still_needed(Tally(tuple("ababa"))) == 3


@pytest.mark.parametrize(
    ("presample", "extension", "threshold", "most"),
    [(0, 4, 0.9, 8), (9, 4, 0.9, 8), (4, 0, 0.9, 8), (4, 4, 0.5, 8), (4, 4, 1.0, 8)],
)
def test_senseless_settings_are_refused(presample: int, extension: int, threshold: float, most: int) -> None:
    with pytest.raises(ConfigurationError, match="threshold must be between"):
        ExtendingWindow(presample, extension, threshold, most)
