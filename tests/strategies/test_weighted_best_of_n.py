"""Scores of the same answer, added up."""

import random

import pytest

from tests.strategies.by_hand import NO_BUDGET, PLAIN, batch, play, rate, simulate
from tts_agent.effects import Generate
from tts_agent.sampling import Sample, SampleBatch
from tts_agent.step import Outcome
from tts_agent.stopping import FixedSize
from tts_agent.strategies import BestOfN, SelfConsistency, Strategy, WeightedBestOfN
from tts_agent.testing.conformance import check_strategy
from tts_agent.verifiers import FunctionVerifier
from tts_agent.verifiers.log_probability import LogProbability

TASTE = FunctionVerifier(lambda step, sample: {"4": 0.4, "5": 0.7}.get(sample.text[-2], -1.0), accept_at=0.7)
P, FOOLED, TRIALS = 0.3, 0.1, 300


def fooled_at_times(seed: int) -> tuple[FunctionVerifier, list[Sample]]:
    """Samples right with P; wrong answers scatter. The verifier likes right ones, and FOOLED of the wrong ones more."""
    rng = random.Random(seed)
    samples = []
    for _ in range(TRIALS * 32):
        right = rng.random() < P
        score = 0.8 if right else 1.0 if rng.random() < FOOLED else 0.1
        samples.append(Sample(str(0 if right else rng.randrange(1, 10**9)), raw=score))
    return FunctionVerifier(lambda step, sample: float(sample.raw), accept_at=2.0), samples


def accuracy(strategy: Strategy, samples: list[Sample], n: int) -> tuple[float, float]:
    def model(ask: Generate) -> SampleBatch:
        return SampleBatch(tuple(next(stream) for _ in range(ask.n)))

    stream = iter(samples)
    return rate([simulate(strategy, model, PLAIN).outcome.answer == "0" for _ in range(TRIALS)])


def test_two_fair_scores_outweigh_one_high_one() -> None:
    outcome = play(WeightedBestOfN(TASTE, FixedSize(3)), [batch(5, 4, 4)]).outcome
    assert (outcome.answer, outcome.accepted) == ("4", False)
    outcome = play(WeightedBestOfN(TASTE, FixedSize(3)), [batch(4, 5, 6)]).outcome
    assert (outcome.answer, outcome.accepted) == ("5", True)


def test_scores_below_zero_count_as_none() -> None:
    assert play(WeightedBestOfN(TASTE, FixedSize(3)), [batch(6, 6, 4)]).outcome.answer == "4"


def test_best_of_n_believes_a_fooled_verifier_ever_more_and_the_sum_of_scores_does_not() -> None:
    verifier, samples = fooled_at_times(seed=3)
    exact = {n: (1.0 - (1.0 - P) * FOOLED) ** n - ((1.0 - P) * (1.0 - FOOLED)) ** n for n in (1, 2, 4, 8, 16, 32)}
    peak = max(exact, key=exact.__getitem__)
    assert 1 < peak < 32, "it peaks and declines"
    for n in (1, peak, 32):
        found, tolerance = accuracy(BestOfN(verifier, FixedSize(n)), samples, n)
        assert found == pytest.approx(exact[n], abs=tolerance)
    summed, tolerance = accuracy(WeightedBestOfN(verifier, FixedSize(32)), samples, 32)
    assert summed - tolerance > exact[peak] > exact[32]


def test_by_log_probability_it_is_a_vote_by_confidence() -> None:
    sure, unsure = Sample("The answer is 4.", logprob=-0.1), Sample("The answer is 5.", logprob=-1.0)
    confident = WeightedBestOfN(LogProbability(0.5), FixedSize(3))
    assert play(confident, [SampleBatch((unsure, unsure, sure))]).outcome.answer == "4"
    assert play(SelfConsistency(FixedSize(3)), [SampleBatch((unsure, unsure, sure))]).outcome.answer == "5"
    assert play(confident, [batch(5, 5, 4)]).outcome.answer == "5"  # an endpoint without log-probabilities


def test_nothing_drawn_and_nothing_that_votes_are_outcomes() -> None:
    assert play(WeightedBestOfN(TASTE), [NO_BUDGET]).outcome == Outcome("weighted_best_of_n", "budget")
    cut = Sample("The answer", "length")
    assert play(WeightedBestOfN(TASTE, FixedSize(1)), [SampleBatch((cut,))]).outcome.sample == cut


def test_it_keeps_the_contract() -> None:
    check_strategy(lambda: WeightedBestOfN(TASTE, FixedSize(3)))
