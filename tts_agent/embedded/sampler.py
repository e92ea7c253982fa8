"""The embedded model behind the package's one door to models."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from secrets import randbits

from threadpoolctl import ThreadpoolController

from tts_agent.embedded import MODEL_FOLDER
from tts_agent.embedded.dialect import Dialect, TaskDialect
from tts_agent.embedded.generation import DEFAULT_TEMPERATURE, Completion, PromptTooLongError, Sampling, generate
from tts_agent.embedded.model import LanguageModel
from tts_agent.embedded.tokenizer import Tokenizer, UnknownWordsError
from tts_agent.exceptions import RequestRejected
from tts_agent.sampling import FinishReason, Sample, SampleBatch, SampleRequest, Usage


class EmbeddedSampler:
    """Samples the tiny model in this process, on the CPU: by default the one in the package, see `TaskDialect`.

    The tokens reported are exact, and the prompt of a batch is billed once.

    Args:
        folder: of the model.
        name: of it.
        dialect: how it was taught to read and write.
    """

    def __init__(self, folder: Path = MODEL_FOLDER, name: str = "embedded", dialect: Dialect | None = None) -> None:
        self.name = name
        self._dialect = dialect or TaskDialect()
        self._model = LanguageModel.load(folder)
        self._tokenizer = Tokenizer.load(folder / "tokenizer.json")
        self._threads = ThreadpoolController()

    async def sample(self, request: SampleRequest, n: int) -> SampleBatch:
        """See `Sampler.sample`. Completions ``request.offset`` to ``request.offset + n - 1`` of the seed's stream.

        Raises:
            RequestRejected: the question has words the model does not know, the prompt is too long, or it has
                parts that are neither the user's nor the assistant's.
        """
        return await asyncio.to_thread(self._sample, request, n)

    def token_bound(self, request: SampleRequest) -> int:
        """See `Sampler.token_bound`; exact where the request can be answered."""
        try:
            return len(self._dialect.prompt(self._tokenizer, request.messages))
        except ValueError:  # it will be refused, and cost nothing
            return sum(self._tokenizer.count(message.content) for message in request.messages)

    def _sample(self, request: SampleRequest, n: int) -> SampleBatch:
        temperature = DEFAULT_TEMPERATURE if request.temperature is None else request.temperature
        stops = self._stops(request.stop)
        how = Sampling(
            temperature=temperature,
            max_tokens=request.max_tokens,
            seed=randbits(62) if request.seed is None else request.seed,
            eos=self._tokenizer.eos,
            stop=stops,
        )
        try:
            prompt = self._dialect.prompt(self._tokenizer, request.messages)
            # The matrices are small: BLAS threads would wait for one another, ten times longer on a busy machine.
            with self._threads.limit(limits=1, user_api="blas"):
                completions = generate(self._model, prompt, range(request.offset, request.offset + n), how)
        except PromptTooLongError as error:
            raise RequestRejected(f"{error}: shorten the conversation") from None
        except ValueError as error:
            raise RequestRejected(str(error)) from None
        samples = tuple(self._read(completion, len(prompt), stops) for completion in completions)
        return SampleBatch(samples, Usage(len(prompt), sum(sample.usage.output_tokens for sample in samples)))

    def _read(self, completion: Completion, prompt_tokens: int, stops: Sequence[tuple[int, ...]]) -> Sample:
        ids = completion.ids
        for stop in stops:
            if ids[-len(stop) :] == stop:
                ids = ids[: -len(stop)]
                break
        text = self._tokenizer.decode(ids)
        text, calls = self._dialect.read(text) if completion.ended else (text, ())
        ended: FinishReason = "tool_calls" if calls else "stop"
        return Sample(
            text=text,
            finish_reason=ended if completion.ended else "length",
            tool_calls=calls,
            usage=Usage(prompt_tokens, len(completion.ids)),
            logprob=sum(completion.logprobs) / len(completion.logprobs),
        )

    def _stops(self, texts: Sequence[str]) -> tuple[tuple[int, ...], ...]:
        """Return the stop texts as tokens, without those that the model cannot write anyway."""
        known = []
        for text in texts:
            try:
                ids = tuple(self._tokenizer.encode(text))
            except UnknownWordsError:
                continue
            if ids:
                known.append(ids)
        return tuple(known)
