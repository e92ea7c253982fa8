"""Recorded samples come back as a model would have drawn them, and are billed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.evaluation.synthetic import question
from tts_agent.answers import vote
from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.orderings import orderings
from tts_agent.evaluation.replay_sampler import ReplaySampler, recorded_answer
from tts_agent.exceptions import ConfigurationError, SamplerError
from tts_agent.portal import run_sync
from tts_agent.sampling import SampleBatch, Sampler, SampleRequest

QUESTION = question(["right", None, "", "w"], [5, 6, None, 70])
BANK = Bank("bank", (QUESTION,))


def draw(sampler: ReplaySampler, request: SampleRequest, n: int) -> SampleBatch:
    return run_sync(sampler.sample(request, n))


def test_samples_come_in_the_order_of_the_ordering_from_the_offset_on() -> None:
    sampler = ReplaySampler(BANK, ordering=2, seed=7)
    assert isinstance(sampler, Sampler)
    step = sampler.step(QUESTION)
    order = orderings(7, "q", 4, 3)[2]
    expected = [QUESTION.samples[index].answer for index in order]
    first, rest = draw(sampler, step.request(), 1), draw(sampler, replace(step.request(), offset=1), 9)
    assert [vote(sample, recorded_answer) for sample in (*first.samples, *rest.samples)] == expected


def test_every_sample_is_billed_with_its_prompt_and_unknown_lengths_are_the_questions_mean() -> None:
    sampler = ReplaySampler(BANK, prompt_tokens=100)
    batch = draw(sampler, sampler.step(QUESTION).request(), 4)
    assert (batch.usage.input_tokens, batch.usage.output_tokens) == (400, 5 + 6 + 27 + 70)
    assert sampler.token_bound(sampler.step(QUESTION).request()) == 100


def test_past_the_last_sample_a_batch_is_short_and_then_a_call_fails_unbilled() -> None:
    sampler = ReplaySampler(BANK, max_samples=3)
    request = sampler.step(QUESTION).request()
    assert len(draw(sampler, request, 9).samples) == 3
    with pytest.raises(SamplerError, match="all 3 recorded samples") as raised:
        draw(sampler, replace(request, offset=3), 1)
    assert not raised.value.billed


def test_a_sample_longer_than_allowed_is_cut_off_and_cannot_vote() -> None:
    sampler = ReplaySampler(BANK)
    batch = draw(sampler, replace(sampler.step(QUESTION).request(), max_tokens=6), 4)
    votes = {sample.raw.tokens: (sample.usage.output_tokens, vote(sample, recorded_answer)) for sample in batch.samples}
    assert votes == {5: (5, "right"), 6: (6, None), None: (6, None), 70: (6, None)}


def test_a_request_for_something_else_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no question of the bank"):
        draw(ReplaySampler(BANK), replace(ReplaySampler(BANK).step(QUESTION).request(), options={}), 1)
    for settings in ({"ordering": -1}, {"prompt_tokens": -1}, {"max_samples": 0}):
        with pytest.raises(ConfigurationError):
            ReplaySampler(BANK, **settings)
