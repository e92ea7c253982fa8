"""The model's own confidence as a verifier."""

from math import exp

import pytest

from tests.verifiers.by_hand import judged
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import user
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.testing.conformance import check_verifier
from tts_agent.verifiers import Verdict
from tts_agent.verifiers.log_probability import LogProbability

STEP = Step((user("What is 2 + 2?"),))


def test_the_score_is_the_mean_probability_of_a_token() -> None:
    assert judged(LogProbability(), STEP, Sample("4", logprob=-0.5), Sample("5", logprob=0.0)) == [
        Verdict(exp(-0.5)),
        Verdict(1.0),
    ]


def test_a_lower_temperature_tells_samples_further_apart() -> None:
    sure, unsure = judged(LogProbability(0.25), STEP, Sample("4", logprob=-0.1), Sample("5", logprob=-0.5))
    assert sure.score / unsure.score == pytest.approx(exp(1.6))


def test_without_log_probabilities_all_count_the_same() -> None:
    assert judged(LogProbability(), STEP, Sample("4"), Sample("")) == [Verdict(0.5), Verdict(0.5)]


def test_rounding_above_certainty_is_certainty() -> None:
    assert judged(LogProbability(), STEP, Sample("4", logprob=1e-9))[0].score == 1.0


def test_no_temperature_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="above 0"):
        LogProbability(0.0)


def test_it_keeps_the_contract() -> None:
    check_verifier(LogProbability)
