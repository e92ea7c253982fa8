"""A sampler that gives recorded samples instead of calling a model, so that production code replays a bank."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from tts_agent.evaluation.banks import Bank, RecordedQuestion, RecordedSample
from tts_agent.evaluation.orderings import orderings
from tts_agent.evaluation.token_counts import token_counts
from tts_agent.exceptions import ConfigurationError, SamplerError
from tts_agent.messages import user
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage
from tts_agent.step import Step

PROMPT_TOKENS = 60
"""What the prompt of one sample is taken to cost where banks do not say: that of a short question."""

QUESTION_ID = "replayed_question"
"""The option of a request that says which question is replayed: texts may be missing, or come twice."""

NO_ANSWER = "(no answer)"


def recorded_answer(sample: Sample) -> Hashable | None:
    """The answer key of replays: what the recording says; None where the sample could not vote."""
    return sample.raw.answer if isinstance(sample.raw, RecordedSample) else None


class ReplaySampler:
    """Replays a bank in one of its common random orderings, sample by sample as a model would have drawn them.

    A request's samples are those from its `offset` on. Past the last recorded one a batch comes back short, and
    the call after that fails without being billed. A sample longer than the request's `max_tokens` comes back cut
    off: it cost `max_tokens`, and has no vote. Every sample is billed with its own prompt.

    Args:
        bank: what was recorded.
        ordering: which of the orderings, from 0.
        seed: of the orderings.
        prompt_tokens: input tokens of one sample.
        max_samples: how many samples of an ordering there are at most; None for all.
    """

    def __init__(
        self,
        bank: Bank,
        *,
        ordering: int = 0,
        seed: int = 0,
        prompt_tokens: int = PROMPT_TOKENS,
        max_samples: int | None = None,
    ) -> None:
        if ordering < 0 or prompt_tokens < 0 or (max_samples is not None and max_samples < 1):
            raise ConfigurationError(
                f"ordering {ordering} and prompt_tokens {prompt_tokens} must be >= 0, max_samples {max_samples} >= 1"
            )
        self.name = bank.name
        self._prompt_tokens = prompt_tokens
        tokens = token_counts(bank)
        self._streams: dict[str, tuple[_Replayed, ...]] = {}
        for question in bank.questions:
            order = orderings(seed, question.id, len(question.samples), ordering + 1)[ordering][:max_samples]
            self._streams[question.id] = tuple(
                _Replayed(question.samples[index], tokens[question.id][index]) for index in order
            )

    def step(self, question: RecordedQuestion, kind: str | None = None) -> Step:
        """A step that asks the question; its votes are the recorded answers.

        Args:
            kind: class of step, by default the bank's name.
        """
        longest = max((replayed.tokens for replayed in self._streams[question.id]), default=1)
        return Step(
            (user(question.question or question.id),),
            max_tokens=max(1, longest),
            kind=kind or self.name,
            options={QUESTION_ID: question.id},
            answer_key=recorded_answer,
        )

    def token_bound(self, request: SampleRequest) -> int:
        """The price of a prompt."""
        return self._prompt_tokens

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """The `n` samples from `request.offset` on.

        Raises:
            ConfigurationError: the request names no question of the bank.
            SamplerError: all recorded samples were drawn.
        """
        question = request.options.get(QUESTION_ID)
        if question not in self._streams:
            raise ConfigurationError(f"{question!r} is no question of the bank {self.name}: make steps with step()")
        wanted = self._streams[question][request.offset : request.offset + n]
        if not wanted:
            raise SamplerError(f"all {request.offset} recorded samples of {question} were drawn", billed=False)
        samples = tuple(replayed.sample(self._prompt_tokens, request.max_tokens) for replayed in wanted)
        return SampleBatch(samples, sum((sample.usage for sample in samples), Usage()))


@dataclass(frozen=True, slots=True)
class _Replayed:
    recorded: RecordedSample
    tokens: int

    def sample(self, prompt_tokens: int, max_tokens: int) -> Sample:
        answer = self.recorded.answer
        return Sample(
            text=answer if answer and answer.strip() else NO_ANSWER,
            finish_reason="stop" if self.tokens <= max_tokens else "length",
            usage=Usage(prompt_tokens, min(self.tokens, max_tokens)),
            logprob=self.recorded.logprob,
            raw=self.recorded,
        )
