"""A fixed number of samples."""

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import FixedSize
from tts_agent.voting import Tally


def test_it_asks_for_all_at_once_and_then_for_what_did_not_come() -> None:
    rule = FixedSize(5)
    assert rule.still_needed(Tally()) == 5
    assert rule.still_needed(Tally(("a", None, "b"))) == 2
    assert rule.still_needed(Tally(("a",) * 5)) == 0
    assert rule.still_needed(Tally(("a",) * 9)) == 0


@pytest.mark.parametrize("n", [0, -3])
def test_no_samples_are_no_vote(n: int) -> None:
    with pytest.raises(ConfigurationError, match="at least one sample"):
        FixedSize(n)
