"""Votes that count as their verifier's scores say."""

from itertools import product
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.by_hand import NO_BUDGET, play
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.stopping import FixedSize
from tts_agent.strategies import SelfConsistency, WeightedVote
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier

TOLD = FunctionVerifier(lambda step, sample: float(sample.raw), accept_at=2.0, name="told")


def said(*votes: tuple[object, float]) -> SampleBatch:
    """Answers, each with P(correct) as the verifier will say it."""
    return SampleBatch(tuple(Sample(f"The answer is {answer}.", raw=p) for answer, p in votes))


def decide(*votes: tuple[object, float], wrong_answers: float = 1.0) -> Outcome:
    vote = WeightedVote(TOLD, FixedSize(len(votes)), wrong_answers)
    return play(vote, [said(*votes)]).outcome


def test_one_sample_that_is_probably_right_outweighs_two_that_are_hardly_better_than_chance() -> None:
    outcome = decide((5, 0.55), (4, 0.9), (5, 0.55))
    assert outcome.answer == "4"
    assert outcome.p_correct == pytest.approx(9 / (9 + (0.55 / 0.45) ** 2))
    assert outcome.votes == {"5": 2, "4": 1}


def test_equal_scores_are_the_plain_majority() -> None:
    assert decide((5, 0.6), (4, 0.6), (4, 0.6)).answer == "4"


def test_a_vote_below_chance_counts_against_its_answer() -> None:
    assert decide((5, 0.3), (5, 0.3), (4, 0.4)).answer == "4"
    assert decide((5, 0.3), (5, 0.3), (4, 0.4), wrong_answers=9.0).answer == "5"


def test_of_the_winners_samples_the_best_scored_is_returned() -> None:
    outcome = decide((4, 0.6), (4, 0.8), (5, 0.6))
    assert outcome.sample is outcome.samples[1]


def test_a_single_vote_is_as_likely_right_as_its_verifier_says() -> None:
    for wrong_answers in (1.0, 3.0, 20.0):
        assert decide((4, 0.7), wrong_answers=wrong_answers).p_correct == pytest.approx(0.7)


@given(st.lists(st.floats(0.5, 0.9), min_size=1, max_size=4))
@settings(max_examples=20)
def test_it_is_right_as_often_as_the_best_decision_and_never_less_than_the_majority(voters: list[float]) -> None:
    """All 2 ** n ways in which independent voters with known p can be right (answer 4) or wrong (answer 5)."""
    weighted = plain = best = 0.0
    for right in product((True, False), repeat=len(voters)):
        chance = prod(p if hit else 1.0 - p for p, hit in zip(voters, right, strict=True))
        mirrored = prod(1.0 - p if hit else p for p, hit in zip(voters, right, strict=True))
        replies = said(*((4 if hit else 5, p) for p, hit in zip(voters, right, strict=True)))
        weighted += chance * (decide(*((s.text[-2], s.raw) for s in replies.samples)).answer == "4")
        plain += chance * (play(SelfConsistency(FixedSize(len(voters))), [replies]).outcome.answer == "4")
        best += max(chance, mirrored) / 2.0
    assert weighted == pytest.approx(best)
    assert weighted >= plain - 1e-9


def test_three_voters_in_closed_form() -> None:
    expert, layman = 0.9, 0.55
    majority = expert * (1.0 - (1.0 - layman) ** 2) + (1.0 - expert) * layman**2
    shares = {True: 0.0, False: 0.0}
    for right in product((True, False), repeat=3):
        ps = (expert, layman, layman)
        chance = prod(p if hit else 1.0 - p for p, hit in zip(ps, right, strict=True))
        votes = [(4 if hit else 5, p) for p, hit in zip(ps, right, strict=True)]
        shares[True] += chance * (decide(*votes).answer == "4")
        shares[False] += chance * (play(SelfConsistency(FixedSize(3)), [said(*votes)]).outcome.answer == "4")
    assert shares[True] == pytest.approx(expert)
    assert shares[False] == pytest.approx(majority)


def test_samples_that_cannot_vote_are_not_shown_to_the_verifier() -> None:
    cut = Sample("The answer", "length")
    played = play(WeightedVote(TOLD, FixedSize(2)), [SampleBatch((cut, *said((4, 0.8)).samples))])
    assert [len(getattr(event, "scores", ())) for event in played.events] == [1]
    assert played.outcome.answer == "4"
    alone = play(WeightedVote(TOLD, FixedSize(1)), [SampleBatch((cut,))]).outcome
    assert (alone.sample, alone.answer) == (cut, None)


def test_what_came_before_the_budget_ended_decides() -> None:
    outcome = play(WeightedVote(TOLD, FixedSize(3)), [said((4, 0.8)), NO_BUDGET]).outcome
    assert (outcome.stop, outcome.answer) == ("budget", "4")
    assert play(WeightedVote(TOLD), [NO_BUDGET]).outcome == Outcome("weighted_vote", "budget")


@pytest.mark.parametrize(("wrong_answers", "certainty"), [(0.5, 0.9), (1.0, 0.5), (1.0, 1.0)])
def test_senseless_settings_are_refused(wrong_answers: float, certainty: float) -> None:
    with pytest.raises(ConfigurationError, match="at least 1"):
        WeightedVote(TOLD, wrong_answers=wrong_answers, certainty=certainty)


def test_it_keeps_the_contract() -> None:
    taste = FunctionVerifier(lambda step, sample: {"4": 0.9, "5": 0.5}.get(sample.text[-2], 0.1), accept_at=2.0)
    check_strategy(lambda: WeightedVote(taste, FixedSize(3)))
