"""The embedded model behind the package's one door to models."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from secrets import randbits

from threadpoolctl import ThreadpoolController

from tts_agent.embedded import MODEL_FOLDER
from tts_agent.embedded.chat import feedback, prompt_ids
from tts_agent.embedded.examples import EXAMPLES
from tts_agent.embedded.generation import DEFAULT_TEMPERATURE, Completion, PromptTooLongError, Sampling, generate
from tts_agent.embedded.model import LanguageModel
from tts_agent.embedded.tokenizer import Tokenizer, UnknownWordsError
from tts_agent.exceptions import RequestRejected
from tts_agent.messages import Message
from tts_agent.sampling import Sample, SampleBatch, SampleRequest, Usage

_STEP = re.compile(r"\bstep\s+(\d+)", re.IGNORECASE)


class EmbeddedSampler:
    """Samples the tiny model in this process, on the CPU.

    The first user message is the question. Any later user message tells the model that its attempt was wrong: it
    understands two such messages, "wrong" and "wrong at step 3", and other wordings are reduced to one of them.
    A last message of the assistant is continued. System messages are not read. The tokens reported are exact,
    and the prompt of a batch is billed once.
    """

    def __init__(self, folder: Path = MODEL_FOLDER, name: str = "embedded") -> None:
        self.name = name
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
        return sum(1 + self._tokenizer.count(message.content) for message in request.messages) + 2

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
            prompt = prompt_ids(self._tokenizer, *_turns(request.messages))
            # The matrices are small: BLAS threads would wait for one another, ten times longer on a busy machine.
            with self._threads.limit(limits=1, user_api="blas"):
                completions = generate(self._model, prompt, range(request.offset, request.offset + n), how)
        except UnknownWordsError as error:
            raise RequestRejected(_not_understood(error.words)) from None
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
        return Sample(
            text=self._tokenizer.decode(ids),
            finish_reason="stop" if completion.ended else "length",
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


def _turns(messages: Sequence[Message]) -> tuple[list[str], str]:
    """Return the texts of user and assistant in turn, and the beginning of the reply.

    Raises:
        ValueError: there is no question, or a message of a kind that the model does not know.
    """
    turns: list[str] = []
    for message in messages:
        if message.role == "system":
            continue
        speaker = "assistant" if len(turns) % 2 else "user"
        if message.role == speaker:
            turns.append(_feedback(message.content) if turns and speaker == "user" else message.content)
        elif turns and message.role in ("user", "assistant"):
            turns[-1] = f"{turns[-1]} {message.content}"
        else:
            raise ValueError(
                f"the embedded model reads a user's question and nothing else, got a {message.role} message"
            )
    if not turns:
        raise ValueError("there is no question to answer")
    prefix = turns.pop() if len(turns) % 2 == 0 else ""
    return turns, prefix


def _feedback(text: str) -> str:
    step = _STEP.search(text)
    return feedback(int(step[1]) if step else None)


def _not_understood(words: Sequence[str]) -> str:
    listed = ", ".join(repr(word) for word in words[:5])
    known = "\n".join(f"  {family}: {example}" for family, example in EXAMPLES.items())
    return (
        f"the embedded model does not know {listed}. It is tiny and answers only five kinds of problem:\n{known}\n"
        "For other questions name a model with --model."
    )
