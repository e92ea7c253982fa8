"""Votes of the most confident samples."""

import random
from math import comb

import pytest

from tests.strategies.by_hand import NO_BUDGET, PLAIN, batch, play, rate, simulate
from tts_agent.effects import Generate
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.stopping import FixedSize
from tts_agent.strategies import DeepConf, SelfConsistency, Strategy
from tts_agent.testing.conformance import check_strategy


def said(answer: object, logprob: float | None) -> Sample:
    return Sample(f"The answer is {answer}.", logprob=logprob)


def decide(strategy: Strategy, *samples: Sample) -> Outcome:
    return play(strategy, [SampleBatch(samples)]).outcome


def test_the_least_confident_do_not_vote() -> None:
    samples = (said(5, -2.0), said(5, -2.1), said(5, -2.2), said(4, -0.1), said(4, -0.2), said(6, -0.3))
    assert decide(SelfConsistency(FixedSize(6)), *samples).answer == "5"
    outcome = decide(DeepConf(FixedSize(6), keep=0.5), *samples)
    assert (outcome.answer, outcome.sample) == ("4", said(4, -0.1))
    assert outcome.votes == {"5": 3, "4": 2, "6": 1}
    assert decide(DeepConf(FixedSize(6), keep=1e-9), *samples).sample == said(4, -0.1)


def test_the_others_vote_by_their_confidence() -> None:
    samples = (said(5, -1.5), said(5, -1.5), said(4, -0.1))
    assert decide(DeepConf(FixedSize(3), keep=1.0), *samples).answer == "4"


def test_without_log_probabilities_it_is_the_plain_vote() -> None:
    outcome = decide(DeepConf(FixedSize(4), keep=0.25), *batch(5, 4, 4, 6).samples)
    assert outcome.answer == "4"


def test_where_confidence_tells_right_from_wrong_filtering_wins_by_the_closed_form() -> None:
    """Half of the samples are sure and right with .8, half are unsure and right with .3; wrong ones agree."""
    rng = random.Random(1)

    def model(ask: Generate) -> SampleBatch:
        chances = [(0.8, -0.1)] * 5 + [(0.3, -0.2)] * 5  # confidences so close that the weights hardly differ
        return SampleBatch(tuple(Sample("4" if rng.random() < p else "5", logprob=sure) for p, sure in chances))

    def accuracy(strategy: Strategy) -> tuple[float, float]:
        return rate([simulate(strategy, model, PLAIN).outcome.answer == "4" for _ in range(500)])

    filtered, tolerance = accuracy(DeepConf(FixedSize(10), keep=0.5))
    assert filtered == pytest.approx(sum(comb(5, k) * 0.8**k * 0.2 ** (5 - k) for k in (3, 4, 5)), abs=tolerance)
    plain, tolerance = accuracy(SelfConsistency(FixedSize(10)))
    assert plain + tolerance < filtered


def test_nothing_drawn_and_nothing_that_votes_are_outcomes() -> None:
    assert play(DeepConf(), [NO_BUDGET]).outcome == Outcome("deepconf", "budget")
    cut = Sample("The answer", "length")
    assert decide(DeepConf(FixedSize(1)), cut).sample == cut


@pytest.mark.parametrize("keep", [0.0, -0.1, 1.1])
def test_keeping_none_or_more_than_all_is_refused(keep: float) -> None:
    with pytest.raises(ConfigurationError, match="above 0 and at most 1"):
        DeepConf(keep=keep)


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: DeepConf(FixedSize(4)))
