"""What the last sample of a step was expected to bring."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.learning.last_sample import worth_of_last
from tts_agent.learning.record_file import DrawnSample, Record
from tts_agent.routing.profile import ClassProfile

TOKENS = 50


def step(
    *votes: int | None,
    belief: tuple[float, float] | None = (3.0, 1.0),
    strategy: str = "self_consistency",
    accepted: bool | None = None,
) -> Record:
    """A step of so many samples, each of 50 tokens."""
    samples = tuple(DrawnSample(vote, 20, TOKENS - 20, "stop", None, vote is not None) for vote in votes)
    return Record(
        time=0.0,
        kind="plan",
        model="",
        text=None,
        tools=0,
        turns=1,
        strategy=strategy,
        propensities={},
        price=1e-4,
        belief=belief,
        stop="settled",
        winner=0,
        accepted=accepted,
        p_correct=None,
        tokens=TOKENS * len(votes),
        samples=samples,
    )


def gain(record: Record, profile: ClassProfile | None = None) -> float | None:
    worth = worth_of_last(record, profile or ClassProfile())
    return None if worth is None else worth * TOKENS


def test_a_single_call_brings_the_pass_rate_that_was_believed() -> None:
    assert gain(step(0)) == pytest.approx(0.75)
    assert gain(step(0, belief=None)) == pytest.approx(0.5)


def test_a_try_for_a_verifier_brings_the_pass_rate_after_the_rejections() -> None:
    assert gain(step(0, 1, 2, strategy="best_of_n", accepted=True)) == pytest.approx(3 / 6)


def test_a_round_of_refinement_brings_the_fix_rate_where_it_was_measured() -> None:
    refined = step(0, 1, strategy="sequential_refinement", accepted=True)
    assert gain(refined) is None
    assert gain(refined, ClassProfile(fix_rate=0.2)) == pytest.approx(0.2)


def test_a_step_without_samples_has_no_worth() -> None:
    assert gain(step()) is None


def test_a_vote_that_was_open_is_worth_more_than_one_that_was_settled() -> None:
    even, ahead = gain(step(0, 1, 0)), gain(step(0, 0, 0, 0, 0, 0))
    assert even is not None
    assert ahead is not None
    assert even > 10 * ahead > 0.0


@given(
    st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=12),
    st.floats(0.2, 20.0),
    st.floats(0.2, 20.0),
)
def test_the_worth_of_a_sample_is_between_nothing_and_an_answer(votes: list[int | None], a: float, b: float) -> None:
    worth = gain(step(*votes, belief=(a, b)))
    assert worth is not None
    assert -1e-9 <= worth <= 1.0
