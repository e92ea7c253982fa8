"""The centre of the largest cluster."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.strategies.by_hand import NO_BUDGET, batch, play
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import ToolCall
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.stopping import FixedSize
from tts_agent.strategies import Medoid, SelfConsistency
from tts_agent.strategies.medoid import largest_cluster
from tts_agent.testing.conformance import check_strategy

TOPICS = ("rain", "sun", "snow")


def by_topic(texts: Sequence[str]) -> list[list[float]]:
    """How often each topic is named: what is about the same thing points in about the same direction."""
    return [[float(text.count(topic)) for topic in TOPICS] for text in texts]


def told(*texts: str) -> SampleBatch:
    return SampleBatch(tuple(Sample(text) for text in texts))


def test_texts_that_mean_the_same_outvote_one_that_does_not() -> None:
    replies = told("sun and more sun", "rain, only rain", "much rain", "rain and rain and some snow")
    outcome = play(Medoid(by_topic, rule=FixedSize(4)), [replies]).outcome
    assert (outcome.stop, outcome.sample) == ("settled", replies.samples[1])
    assert len(outcome.votes) == 4, "as plain text no two agree"


def test_the_winner_is_in_the_middle_of_its_cluster() -> None:
    angles = np.radians([0.0, 20.0, 40.0, 120.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert largest_cluster(vectors, similarity=0.9) == 1


def test_length_of_a_vector_does_not_matter_and_a_vector_of_zeros_is_near_nobody() -> None:
    assert largest_cluster([[0.0, 0.0], [9.0, 0.1], [0.0, 1.0], [1.0, 0.0]], similarity=0.9) == 1


@given(st.lists(st.integers(0, 3), min_size=1, max_size=9))
def test_with_an_embedding_that_knows_the_answer_it_is_the_majority(answers: list[int]) -> None:
    def embed(texts: Sequence[str]) -> list[list[float]]:
        return [[float(text == f"The answer is {answer}.") for answer in range(4)] for text in texts]

    replies = batch(*answers)
    chosen = play(Medoid(embed, 0.5, FixedSize(len(answers))), [replies]).outcome
    voted = play(SelfConsistency(FixedSize(len(answers))), [replies]).outcome
    assert (chosen.sample, chosen.answer) == (voted.sample, voted.answer)


def test_replies_that_are_cut_off_or_empty_are_not_embedded() -> None:
    seen: list[str] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        seen.extend(texts)
        return by_topic(texts)

    cut = Sample("rain", "length")
    looked_up = Sample("", "tool_calls", (ToolCall("weather", '{"of": "rain"}'),))
    replies = SampleBatch((cut, Sample(""), looked_up, *told("rain", "sun").samples))
    outcome = play(Medoid(embed, rule=FixedSize(5)), [replies]).outcome
    assert seen == ['weather({"of":"rain"})', "rain", "sun"]
    assert outcome.sample is looked_up


def test_two_texts_have_no_middle_and_the_first_is_returned() -> None:
    outcome = play(Medoid(by_topic, rule=FixedSize(2)), [told("sun", "rain")]).outcome
    assert outcome.sample == Sample("sun")
    assert play(Medoid(by_topic), [NO_BUDGET]).outcome == Outcome("medoid", "budget")


def test_a_cosine_is_between_minus_one_and_one() -> None:
    with pytest.raises(ConfigurationError, match="between -1 and 1"):
        Medoid(by_topic, 1.1)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: Medoid(by_topic, rule=FixedSize(4)))
