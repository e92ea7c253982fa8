"""The embedded model behind the sampler protocol."""

import pytest

from tts_agent.embedded.examples import EXAMPLES
from tts_agent.embedded.sampler import EmbeddedSampler
from tts_agent.exceptions import RequestRejected
from tts_agent.messages import Message, assistant, system, user
from tts_agent.sampling import Sampler, SampleRequest


def request(*messages: Message, max_tokens: int = 120, offset: int = 0, stop: tuple[str, ...] = ()) -> SampleRequest:
    return SampleRequest(
        messages or (user(EXAMPLES["chain"]),), max_tokens=max_tokens, seed=1, offset=offset, stop=stop
    )


def test_it_is_a_sampler(sampler: EmbeddedSampler) -> None:
    assert isinstance(sampler, Sampler)
    assert sampler.name == "embedded"


async def test_the_bill_counts_the_prompt_once_and_every_token_written(sampler: EmbeddedSampler) -> None:
    batch = await sampler.sample(request(), 5)
    assert len(batch.samples) == 5
    assert batch.usage.input_tokens == batch.samples[0].usage.input_tokens
    assert batch.usage.output_tokens == sum(sample.usage.output_tokens for sample in batch.samples)
    assert batch.usage.input_tokens <= sampler.token_bound(request())
    assert all(sample.logprob is not None and sample.logprob <= 0 for sample in batch.samples)


async def test_an_offset_continues_the_stream(sampler: EmbeddedSampler) -> None:
    whole = await sampler.sample(request(), 6)
    parts = [await sampler.sample(request(offset=offset), 3) for offset in (0, 3)]
    assert [s.text for s in whole.samples] == [s.text for part in parts for s in part.samples]


async def test_too_few_tokens_leave_the_answer_cut_off(sampler: EmbeddedSampler) -> None:
    (sample,) = (await sampler.sample(request(max_tokens=3), 1)).samples
    assert (sample.finish_reason, sample.usage.output_tokens, sample.valid) == ("length", 3, False)


async def test_a_stop_text_is_billed_but_not_shown(sampler: EmbeddedSampler) -> None:
    (sample,) = (await sampler.sample(request(stop=("\n", "Zebra", "=")), 1)).samples
    assert "=" not in sample.text
    assert sample.finish_reason == "stop"


async def test_a_last_message_of_the_assistant_is_continued(sampler: EmbeddedSampler) -> None:
    plain = await sampler.sample(request(), 1)
    begun = await sampler.sample(request(user(EXAMPLES["chain"]), assistant("47+38=85 ;")), 1)
    assert begun.usage.input_tokens == plain.usage.input_tokens + 9
    assert not begun.samples[0].text.startswith("47+38")


@pytest.mark.parametrize(
    ("said", "same_as"),
    [
        ("Your answer is wrong: the first mistake is in step 2. Correct it in full.", "wrong at step 2"),
        ("No. Try again!", "wrong"),
    ],
)
async def test_any_feedback_is_reduced_to_what_the_model_knows(
    sampler: EmbeddedSampler, said: str, same_as: str
) -> None:
    before = (user(EXAMPLES["chain"]), assistant("47+38=84 ; answer 84"))
    replies = [await sampler.sample(request(*before, user(text)), 2) for text in (said, same_as)]
    assert replies[0] == replies[1]


async def test_a_system_message_is_not_read(sampler: EmbeddedSampler) -> None:
    with_system = await sampler.sample(request(system("You are a calculator."), user(EXAMPLES["chain"])), 2)
    assert with_system == await sampler.sample(request(), 2)


async def test_unknown_words_are_refused_with_examples(sampler: EmbeddedSampler) -> None:
    with pytest.raises(RequestRejected, match="--model") as caught:
        await sampler.sample(request(user("Why is the sky blue?")), 1)
    assert "'Why'" in str(caught.value)
    assert all(example in str(caught.value) for example in EXAMPLES.values())
    assert not caught.value.billed


@pytest.mark.parametrize(
    ("messages", "match"),
    [
        ((system("start"),), "no question"),
        ((assistant("answer 3"),), "assistant message"),
        ((user("start"), Message("tool", "3")), "tool message"),
        ((user("start with 1 . " * 400),), "tokens"),
    ],
)
async def test_requests_that_make_no_sense_are_refused(
    sampler: EmbeddedSampler, messages: tuple[Message, ...], match: str
) -> None:
    with pytest.raises(RequestRejected, match=match):
        await sampler.sample(request(*messages), 1)


async def test_without_a_seed_no_two_calls_are_alike(sampler: EmbeddedSampler) -> None:
    free = SampleRequest((user(EXAMPLES["countdown"]),), max_tokens=60, temperature=1.5)
    first, second = await sampler.sample(free, 6), await sampler.sample(free, 6)
    assert [s.text for s in first.samples] != [s.text for s in second.samples]
