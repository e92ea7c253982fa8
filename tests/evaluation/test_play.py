"""Playing a rule on trajectories is what production does, and published numbers come out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.evaluation.synthetic import banks, question, simulated
from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.play import Play, play, stops
from tts_agent.evaluation.production import Answered, answer_bank
from tts_agent.evaluation.trajectories import Trajectories, trajectories
from tts_agent.exceptions import ConfigurationError
from tts_agent.routing import Fixed
from tts_agent.stopping import AdaptiveConsistency, FixedSize, StoppingRule, Window
from tts_agent.strategies import SelfConsistency
from tts_agent.voting import Tally


@dataclass(frozen=True)
class Doubling:
    """Looks at counts only: doubles until the leader has two thirds."""

    order_matters: ClassVar[bool] = False

    max_samples: int = 8

    def still_needed(self, votes: Tally) -> int:
        if votes.drawn and 3 * votes.top()[0] >= 2 * votes.drawn:
            return 0
        return max(0, min(max(1, votes.drawn), self.max_samples - votes.drawn))


@dataclass(frozen=True)
class LeadOfTwo:
    """Looks at leader and runner-up only."""

    order_matters: ClassVar[bool] = False
    only_top_two: ClassVar[bool] = True

    max_samples: int = 7

    def still_needed(self, votes: Tally) -> int:
        best, second = votes.top()
        return int(best - second < 2 and votes.drawn < self.max_samples)


@dataclass(frozen=True)
class Sleepy:
    """Looks at the order: stops once two votes in a row agree."""

    def still_needed(self, votes: Tally) -> int:
        return int(votes.drawn < 2 or votes.votes[-1] != votes.votes[-2])


RULES: list[StoppingRule] = [
    FixedSize(1),
    FixedSize(5),
    FixedSize(20),
    AdaptiveConsistency(0.8, 7),
    Window(3, 9),
    Doubling(),
    LeadOfTwo(),
    Sleepy(),
]


def in_production(bank: Bank, rule: StoppingRule, replays: Trajectories) -> list[list[Answered]]:
    _, number, samples = replays.shape
    policy = Fixed(SelfConsistency(rule))
    return [answer_bank(bank, policy, ordering=r, seed=3, max_samples=samples) for r in range(number)]


def assert_equal(played: Play, produced: list[list[Answered]]) -> None:
    for r, answers in enumerate(produced):
        for q, answered in enumerate(answers):
            assert played.drawn[q, r] == answered.drawn
            assert played.correct[q, r] == answered.correct
            assert played.total_tokens[q, r] == answered.total_tokens
            assert played.serial_tokens[q, r] == answered.serial_tokens


@settings(max_examples=40)
@given(banks(), st.sampled_from(RULES), st.integers(1, 9))
def test_playing_a_rule_is_what_production_does(bank: Bank, rule: StoppingRule, most: int) -> None:
    replays = trajectories(bank, number=2, seed=3, max_samples=most)
    assert_equal(play(replays, rule), in_production(bank, rule, replays))


def test_playing_a_rule_is_what_production_does_on_a_recorded_bank(recorded: Callable[[str], Bank]) -> None:
    bank = recorded("humaneval__codegen-16b__t0.8")
    replays = trajectories(bank, number=1, seed=3, max_samples=40)
    for rule in (AdaptiveConsistency(0.95, 40), Window(5, 40)):
        assert_equal(play(replays, rule), in_production(bank, rule, replays))


def test_each_replay_may_have_a_rule_of_its_own() -> None:
    replays = trajectories(simulated(10), number=4)
    which = np.arange(40).reshape(10, 4) % 2
    played = play(replays, [FixedSize(2), FixedSize(7)], which)
    assert (played.drawn == np.where(which == 1, 7, 2)).all()
    with pytest.raises(ConfigurationError, match="2 rules need to be told"):
        play(replays, [FixedSize(2), FixedSize(7)])


def test_a_subset_keeps_what_belongs_to_its_questions() -> None:
    bank = Bank("b", (*simulated(5).questions, question(["right", "w", None], name="last")))
    replays = trajectories(bank, number=3)
    some = replays.subset(np.array([5, 2]))
    assert some.ids == ("last", bank.questions[2].id)
    for rule in RULES:
        assert (stops(some, rule) == stops(replays, rule)[[5, 2]]).all()


def test_a_rule_that_looks_at_counts_is_asked_once_a_state() -> None:
    asked: list[tuple[int, ...]] = []

    class Counting(Doubling):
        def still_needed(self, votes: Tally) -> int:
            asked.append((votes.invalid, *votes.counts.values()))
            return super().still_needed(votes)

    play(trajectories(simulated(), number=20), Counting())
    assert len(asked) == len(set(asked))


def test_published_last_letters_numbers_come_out(recorded: Callable[[str], Bank]) -> None:
    """Li et al., arXiv 2401.10480: SC-40 83.1 %, ESC (window 5) 83.2 % at 8.8-8.9, Adaptive-Consistency 6.4."""
    replays = trajectories(recorded("last_letters__gpt-3.5-turbo__cot_t0.7"), number=20, max_samples=40)
    full, esc, ac = (play(replays, rule) for rule in (FixedSize(40), Window(5, 40), AdaptiveConsistency(0.95, 40)))
    assert full.correct.mean() == pytest.approx(0.831, abs=0.0015)
    assert esc.correct.mean() == pytest.approx(0.832, abs=0.0015)
    assert 8.75 <= esc.drawn.mean() <= 8.95
    assert ac.correct.mean() == pytest.approx(0.8315, abs=0.0015)
    assert ac.drawn.mean() == pytest.approx(6.4, abs=0.1)
