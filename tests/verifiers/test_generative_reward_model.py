"""A model that is asked whether a reply is correct."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

import pytest

from tts_agent.driver import Driver
from tts_agent.exceptions import ConfigurationError, SamplerError
from tts_agent.messages import user
from tts_agent.portal import run_sync
from tts_agent.samplers.openai import OpenAISampler
from tts_agent.sampling import Sample, Usage
from tts_agent.step import Step
from tts_agent.testing.checked_budget import CheckedBudget
from tts_agent.testing.conformance import check_verifier
from tts_agent.testing.loopback import Loopback
from tts_agent.testing.scripted import Fault, ScriptedSampler
from tts_agent.verifiers import GenerativeRewardModel, Verdict

STEP = Step((user("What is 2 + 2?"),))


def judged(model: GenerativeRewardModel, sampler: ScriptedSampler, *samples: Sample) -> Sequence[Verdict]:
    run = Driver(sampler, CheckedBudget(10_000), min_tokens=1, max_retries=0)
    return run_sync(run.run(model.verify(STEP, samples)))


def word(text: str, probability: float | None) -> Sample:
    """A verdict of one token."""
    logprob = None if probability is None else log(probability)
    return Sample(text, "length", usage=Usage(5, 1), logprob=logprob)


@pytest.mark.parametrize(
    ("said", "score"),
    [
        (word("Yes", 0.9), 0.9),
        (word(" yes", 0.55), 0.55),
        (word("No", 0.7), 0.3),
        (word("Yes", None), 1.0),
        (word("No.", None), 0.0),
        (word("Yes", 1.0), 1.0),
    ],
)
def test_the_score_is_the_probability_of_a_yes(said: Sample, score: float) -> None:
    (verdict,) = judged(GenerativeRewardModel(), ScriptedSampler([said]), Sample("4"))
    assert verdict.score == pytest.approx(score)
    assert verdict.accepted == (score >= 0.8)


def test_two_tokens_of_one_verdict_are_both_counted() -> None:
    said = Sample("Yes", usage=Usage(5, 2), logprob=(log(0.8) + log(0.99)) / 2)  # the end of the turn is the second
    (verdict,) = judged(GenerativeRewardModel(max_tokens=4), ScriptedSampler([said]), Sample("4"))
    assert verdict.score == pytest.approx(0.8 * 0.99)


def test_without_log_probabilities_the_share_of_yes_counts() -> None:
    sampler = ScriptedSampler(["Yes", "No", "Perhaps", "Yes"])
    (verdict,) = judged(GenerativeRewardModel(votes=4), sampler, Sample("4"))
    assert verdict.score == pytest.approx(2 / 3)
    assert not verdict.accepted


def test_reasons_come_first_and_are_the_feedback_of_what_is_rejected() -> None:
    said = Sample("2 + 2 is 4, not 5.\n**No**", usage=Usage(5, 9), logprob=log(0.5))
    (verdict,) = judged(GenerativeRewardModel(max_tokens=64), ScriptedSampler([said]), Sample("5"))
    assert verdict == Verdict(0.0, feedback="2 + 2 is 4, not 5.")  # the log-probability is not that of the verdict


@pytest.mark.parametrize("said", ["", "Maybe", "Yes and no", "yes\nbut", "Yesterday", Sample("Yes", "content_filter")])
def test_no_readable_verdict_is_not_a_pass(said: str | Sample) -> None:
    model = GenerativeRewardModel(accept_at=0.1, max_tokens=16)
    assert judged(model, ScriptedSampler([said]), Sample("4")) == [Verdict(0.0)]


def test_reasons_that_were_cut_off_have_no_verdict() -> None:
    said = Sample("Is it 4?\nYes", "length")
    assert judged(GenerativeRewardModel(max_tokens=64), ScriptedSampler([said]), Sample("4")) == [Verdict(0.0)]


def test_a_failed_call_is_no_pass() -> None:
    failing = ScriptedSampler(["Yes"], faults={0: Fault(SamplerError("dropped"))})
    assert judged(GenerativeRewardModel(), failing, Sample("4")) == [Verdict(0.0)]


def test_the_model_is_asked_for_one_word_or_for_reasons() -> None:
    for max_tokens, asked_for in ((1, "one word, Yes or No, and nothing else"), (64, "step by step")):
        sampler = ScriptedSampler(["Yes"])
        judged(GenerativeRewardModel("Is RESPONSE 1 polite?", max_tokens=max_tokens), sampler, Sample("4"))
        task = sampler.calls[0].request.messages[-1].content.splitlines()[-1]
        assert task.startswith("Is RESPONSE 1 polite?")
        assert asked_for in task


def test_an_endpoint_that_is_asked_for_log_probabilities_gives_them() -> None:
    inner = ScriptedSampler([Sample("Yes", usage=Usage(5, 1), logprob=log(0.75))])
    with Loopback(inner) as endpoint:
        sampler = OpenAISampler(inner.name, base_url=endpoint.url)
        model = GenerativeRewardModel(options={"logprobs": True})
        (verdict,) = run_sync(Driver(sampler, CheckedBudget(10_000)).run(model.verify(STEP, [Sample("4")])))
    assert verdict.score == pytest.approx(exp(log(0.75)))
    assert endpoint.requests[0]["max_tokens"] == 1


@pytest.mark.parametrize("setting", [{"votes": 0}, {"max_tokens": 0}, {"accept_at": 0.0}, {"question": " "}])
def test_what_makes_no_sense_is_refused(setting: dict[str, int | float | str]) -> None:
    with pytest.raises(ConfigurationError):
        GenerativeRewardModel(**setting)  # type: ignore[arg-type]  # that is the point


def test_it_keeps_the_contract() -> None:
    check_verifier(lambda: GenerativeRewardModel(votes=2))
