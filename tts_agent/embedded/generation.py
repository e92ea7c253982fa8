"""Sampling completions of one prompt, each from a random stream of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from tts_agent.embedded.model import LanguageModel
from tts_agent.embedded.weights import Array
from tts_agent.sampling import sample_seed

DEFAULT_TEMPERATURE = 1.5
"""Chosen on the tuning split: wrong answers scatter, so that votes and retries have something to repair."""


class PromptTooLongError(ValueError):
    """The prompt leaves no room for a completion."""

    def __init__(self, length: int, context: int) -> None:
        super().__init__(f"the prompt has {length} tokens; the model holds {context}, completion included")


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled continuation."""

    ids: tuple[int, ...]
    """Every token that was generated, the final ``<eos>`` included."""
    logprobs: tuple[float, ...]
    """Natural logarithm of each token's probability at temperature 1, whatever the sampling temperature."""
    ended: bool
    """Whether it ended by itself (``<eos>`` or a stop sequence) and not for lack of room."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn."""

    temperature: float
    """0 takes the likeliest token."""
    max_tokens: int
    seed: int
    eos: int
    stop: tuple[tuple[int, ...], ...] = ()
    """A completion also ends after any of these token sequences."""


def generate(model: LanguageModel, prompt: list[int], streams: Sequence[int], how: Sampling) -> list[Completion]:
    """Sample one completion per number in ``streams``.

    Stream i of a seed and a prompt gives the same completion in any company, up to float32 rounding: matrix
    products of other sizes may differ in the last bit and so, rarely, turn a draw.

    Raises:
        PromptTooLongError: the prompt fills the model's context.
        ValueError: the temperature is negative or ``max_tokens`` is not positive.
    """
    room = min(how.max_tokens, model.shape.context - len(prompt))
    if room <= 0 < how.max_tokens:
        raise PromptTooLongError(len(prompt), model.shape.context)
    if room <= 0 or how.temperature < 0:
        raise ValueError("max_tokens must be positive and the temperature not negative")
    first, cache = model.prefill(prompt)
    branches = model.branch(len(streams), room)
    drafts = [_Draft(how) for _ in streams]
    draws = np.stack([_uniforms(sample_seed(how.seed, stream), prompt, room) for stream in streams])
    rows = np.arange(len(streams))
    logits = np.repeat(first[None], len(streams), axis=0)
    for time in range(room):
        ids, logprobs = _pick(logits, draws[rows, time], how.temperature)
        for row, id_, logprob in zip(rows, ids.tolist(), logprobs.tolist(), strict=True):
            drafts[row].append(id_, logprob)
        going = np.flatnonzero([not drafts[row].ended for row in rows])
        if not len(going) or time + 1 == room:
            break
        if len(going) < len(rows):
            rows, ids = rows[going], ids[going]
            branches.keep(going)
        logits = model.advance(cache, branches, ids)
    return [draft.completion() for draft in drafts]


class _Draft:
    """A completion in the making."""

    def __init__(self, how: Sampling) -> None:
        self._how = how
        self._ids: list[int] = []
        self._logprobs: list[float] = []
        self.ended = False

    def append(self, id_: int, logprob: float) -> None:
        self._ids.append(id_)
        self._logprobs.append(logprob)
        self.ended = id_ == self._how.eos or any(
            tuple(self._ids[-len(sequence) :]) == sequence for sequence in self._how.stop
        )

    def completion(self) -> Completion:
        return Completion(tuple(self._ids), tuple(self._logprobs), self.ended)


def _uniforms(seed: int, prompt: Sequence[int], count: int) -> np.ndarray:
    """Return ``count`` numbers from 0 to 1 that depend on the seed and the prompt only."""
    digest = blake2b(repr((seed, tuple(prompt))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "big"))).random(count)


def _pick(logits: Array, draws: np.ndarray, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a token for each row of ``logits`` (rows, vocabulary), and its log-probability at temperature 1."""
    rows = np.arange(len(logits))
    shifted = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64)
    if temperature == 0:
        ids = shifted.argmax(axis=1)
    else:
        cumulative = np.exp(shifted / temperature).cumsum(axis=1)
        ids = (cumulative <= draws[:, None] * cumulative[:, -1:]).sum(axis=1)
    return ids, shifted[rows, ids] - np.log(np.exp(shifted).sum(axis=1))
