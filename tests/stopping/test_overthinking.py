"""Stopping when answers drift apart."""

import random
from math import log

import pytest

from tts_agent.exceptions import ConfigurationError
from tts_agent.stopping import FixedSize, Overthinking
from tts_agent.stopping.overthinking import agreement, entropy
from tts_agent.voting import Tally

GUARD = Overthinking(FixedSize(40), window=4)


def test_answers_that_agreed_and_no_longer_do_stop_it() -> None:
    assert GUARD.still_needed(Tally(("a", "a", "a", "a", "a", "b", "c", "d"))) == 0


@pytest.mark.parametrize(
    "votes",
    [
        ("a", "a", "a", "a", "a", "a", "a", "b"),  # a slip
        ("a", "b", "c", "d", "b", "a", "c", "d"),  # never agreed
        ("a", "b", "c", "a", "a", "a", "a", "a"),  # agree at last
        ("a", "a", "a", "a", "b", "b", "b", "b"),  # another answer, as surely
        ("a", "a", "a", "b", "c", "d"),  # too few to tell
        (),
    ],
)
def test_otherwise_the_rule_goes_on(votes: tuple[str, ...]) -> None:
    assert GUARD.still_needed(Tally(votes)) == FixedSize(40).still_needed(Tally(votes)) > 0


def test_answers_that_could_not_be_read_are_an_answer_like_others() -> None:
    assert GUARD.still_needed(Tally(("a", "a", "a", "a", None, "b", None, "c"))) == 0
    assert GUARD.still_needed(Tally((None,) * 8)) > 0


def test_entropy_and_agreement() -> None:
    assert entropy(("a", "a", "b", "b")) == pytest.approx(log(2.0))
    assert entropy(()) == 0.0
    assert (agreement(("a", "a", "b", "c")), agreement(())) == (0.5, 0.0)


def stopped(guard: Overthinking, drift: float, seed: int, trials: int = 400, most: int = 24) -> float:
    """How often it stops, looking after every vote. P(right) falls from .9 by `drift` a vote; wrong answers scatter."""
    rng, stops = random.Random(seed), 0
    for _ in range(trials):
        votes: list[str] = []
        for t in range(most):
            votes.append("a" if rng.random() < max(0.1, 0.9 - drift * t) else rng.choice("bcdef"))
            if guard.drifts(votes):
                stops += 1
                break
    return stops / trials


def test_a_drift_is_noticed_and_a_vote_without_one_is_mostly_let_be() -> None:
    usual = Overthinking(FixedSize(24))
    assert stopped(usual, 0.0, seed=1) < 0.12
    assert stopped(usual, 0.03, seed=2) > 0.7


@pytest.mark.parametrize(("window", "rise", "drop"), [(1, 0.5, 0.2), (4, -0.1, 0.2), (4, 0.5, 1.1)])
def test_senseless_settings_are_refused(window: int, rise: float, drop: float) -> None:
    with pytest.raises(ConfigurationError, match="window must be at least 2"):
        Overthinking(FixedSize(5), window, rise, drop)
