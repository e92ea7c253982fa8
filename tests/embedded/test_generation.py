"""Samples depend on seed, prompt and stream, and on nothing else."""

import numpy as np
import pytest

from tts_agent.embedded.chat import prompt_ids
from tts_agent.embedded.examples import EXAMPLES
from tts_agent.embedded.generation import PromptTooLongError, Sampling, generate
from tts_agent.embedded.model import LanguageModel
from tts_agent.embedded.tokenizer import Tokenizer


@pytest.fixture
def prompt(tokenizer: Tokenizer) -> list[int]:
    return prompt_ids(tokenizer, [EXAMPLES["countdown"]])


@pytest.fixture
def how(tokenizer: Tokenizer) -> Sampling:
    return Sampling(temperature=1.0, max_tokens=60, seed=7, eos=tokenizer.eos)


def test_a_sample_is_the_same_in_any_company(model: LanguageModel, prompt: list[int], how: Sampling) -> None:
    together = generate(model, prompt, range(6), how)
    alone = [generate(model, prompt, [stream], how)[0] for stream in range(6)]
    assert [completion.ids for completion in together] == [completion.ids for completion in alone]
    assert len({completion.ids for completion in together}) > 1


def test_another_seed_gives_other_samples(
    model: LanguageModel, tokenizer: Tokenizer, prompt: list[int], how: Sampling
) -> None:
    other = Sampling(1.0, 60, seed=8, eos=tokenizer.eos)
    assert generate(model, prompt, range(6), how) != generate(model, prompt, range(6), other)


def test_log_probabilities_are_those_of_temperature_one(
    model: LanguageModel, tokenizer: Tokenizer, prompt: list[int]
) -> None:
    how = Sampling(temperature=0.7, max_tokens=60, seed=7, eos=tokenizer.eos)
    for completion in generate(model, prompt, range(4), how):
        logits = model.logits([*prompt, *completion.ids])[len(prompt) - 1 : -1].astype(np.float64)
        exact = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        expected = exact[np.arange(len(completion.ids)), completion.ids]
        np.testing.assert_allclose(completion.logprobs, expected, atol=1e-4)


def test_temperature_zero_takes_the_likeliest_token(
    model: LanguageModel, tokenizer: Tokenizer, prompt: list[int]
) -> None:
    first, second = generate(model, prompt, [0, 1], Sampling(0, 60, seed=7, eos=tokenizer.eos))
    assert first == second
    assert first.ids[0] == model.logits(prompt)[-1].argmax()


def test_a_completion_ends_with_eos_or_for_lack_of_room(
    model: LanguageModel, tokenizer: Tokenizer, prompt: list[int], how: Sampling
) -> None:
    for completion in generate(model, prompt, range(6), how):
        assert completion.ended == (completion.ids[-1] == tokenizer.eos)
        assert tokenizer.eos not in completion.ids[:-1]
    (short,) = generate(model, prompt, [0], Sampling(1.0, 3, seed=7, eos=tokenizer.eos))
    assert (len(short.ids), short.ended) == (3, False)


def test_a_stop_sequence_ends_a_completion(model: LanguageModel, tokenizer: Tokenizer, prompt: list[int]) -> None:
    stop = tuple(tokenizer.encode(";"))
    (completion,) = generate(model, prompt, [0], Sampling(0, 60, seed=7, eos=tokenizer.eos, stop=(stop,)))
    assert completion.ended
    assert completion.ids[-1:] == stop


def test_samples_follow_the_model_s_distribution(model: LanguageModel, tokenizer: Tokenizer, prompt: list[int]) -> None:
    how = Sampling(temperature=1.0, max_tokens=1, seed=3, eos=tokenizer.eos)
    drawn = [completion.ids[0] for completion in generate(model, prompt, range(4000), how)]
    logits = model.logits(prompt)[-1].astype(np.float64)
    expected = np.exp(logits - logits.max())
    expected /= expected.sum()
    observed = np.bincount(drawn, minlength=len(expected)) / len(drawn)
    assert np.abs(observed - expected).max() < 0.04


def test_a_prompt_without_room_is_refused(model: LanguageModel, how: Sampling) -> None:
    with pytest.raises(PromptTooLongError, match=str(model.shape.context)):
        generate(model, [1] * model.shape.context, [0], how)


@pytest.mark.parametrize(("temperature", "max_tokens"), [(-1.0, 10), (1.0, 0)])
def test_senseless_settings_are_refused(
    model: LanguageModel, prompt: list[int], temperature: float, max_tokens: int
) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        generate(model, prompt, [0], Sampling(temperature, max_tokens, seed=0, eos=2))
