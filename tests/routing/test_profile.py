"""What was learned about a class of steps."""

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.routing import ClassProfile
from tts_agent.routing.profile import read_profiles


def test_profiles_are_read_as_they_are_stored() -> None:
    read = read_profiles({"chain": {"theta": 2.0, "fix_rate": 0.5}, "story": {}})
    assert read == {"chain": ClassProfile(2.0, 0.5), "story": ClassProfile()}


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(ConfigurationError, match="fixrate"):
        read_profiles({"chain": {"fixrate": 0.5}})


@pytest.mark.parametrize(("theta", "fix_rate"), [(0.0, 0.1), (-1.0, 0.1), (1.0, -0.1), (1.0, 1.1)])
def test_impossible_values_are_refused(theta: float, fix_rate: float) -> None:
    with pytest.raises(ConfigurationError, match="theta must be above 0 and fix_rate between 0 and 1"):
        ClassProfile(theta, fix_rate)


def test_a_turn_over_is_stored_where_one_was_seen() -> None:
    profile = ClassProfile(most_samples=4, most_rounds=0)
    assert profile.to_json() == {"theta": 1.0, "fix_rate": 0.0, "most_samples": 4, "most_rounds": 0}
    assert read_profiles({"chain": profile.to_json()}) == {"chain": profile}


@pytest.mark.parametrize(("samples", "rounds"), [(0, 1), (-1, 1), (1, -1)])
def test_a_turn_over_before_the_first_sample_is_refused(samples: int, rounds: int) -> None:
    with pytest.raises(ConfigurationError, match="most_samples must be at least 1"):
        ClassProfile(most_samples=samples, most_rounds=rounds)
