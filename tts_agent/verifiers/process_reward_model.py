"""A process reward model in this process: a classifier of `transformers` that gives each step of a reply a score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import prod
from typing import ClassVar, Literal

from tts_agent.effects import Flow, call
from tts_agent.exceptions import ConfigurationError
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.local_model import Encoding, LocalModel, Tokenizer, conversation, probability, rendered
from tts_agent.verifiers.replies import judged_once


@dataclass(frozen=True, slots=True)
class ProcessRewardModel:
    """Scores each step of a reply 0 to 1, at the last token of the step, and the reply by its steps.

    The model is a token classifier: the question, then each step followed by `mark`, as TRL's `PRMTrainer` writes
    them. The score of a step is the sigmoid of a single logit, or the softmax of `label`. A beginning of a reply is
    scored like a whole one, so this is what `BeamSearch` and its relatives want. It costs no tokens.

    What is too long is read in pieces: each step is scored by one that holds what stands before it, at least half a
    piece of it, so late steps of a long reply are scored without the question.
    Sources: Lightman et al., arXiv 2305.20050 (product); Wang et al., arXiv 2312.08935 (min); Snell et al., arXiv
    2408.03314 (last).

    Raises:
        MissingExtraError: by `verify`, when the extra `reward` is not installed.
        ConfigurationError: by `verify`, when there is no such model, or its head was not trained.
        SamplerError: by `verify`, when the model gives something that is not a number.
    """

    needs: ClassVar[tuple[str, ...]] = ("extra reward", "GPU")
    source: ClassVar[str] = "arXiv 2305.20050, 2312.08935"

    model: str
    """A folder, or a name on the Hugging Face Hub. Weights are safetensors; code that comes with a model is not run."""
    aggregate: Literal["min", "product", "last"] = "min"
    """How the scores of steps make that of a reply."""
    separator: str = "\n\n"
    """What stands between two steps of a reply, as in `Thoughts`."""
    mark: str = "\n"
    """What the model was trained to see after each step; "" where a step just ends."""
    accept_at: float | None = None
    """Score from which on a reply is accepted; None accepts nothing."""
    wrong_below: float = 0.0
    """The first step with a lower score is named as the first wrong one; 0 names none."""
    label: int = -1
    """Which label stands for a right step, where the model has several."""
    chat_template: bool = True
    """False writes the last user turn as it is, even where the model has a template."""
    max_tokens: int | None = None
    """Most tokens that are read together; None is what the model takes."""
    batch_size: int = 8
    device: str | None = None
    """None takes an accelerator when there is one."""
    dtype: str = "auto"
    name: str = "process_reward_model"
    _local: LocalModel = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.aggregate not in ("min", "product", "last"):
            raise ConfigurationError(f"aggregate is {self.aggregate!r}: it must be 'min', 'product' or 'last'")
        if not self.separator:
            raise ConfigurationError("the separator of steps is empty")
        local = LocalModel(
            self.model,
            "token",
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            max_tokens=self.max_tokens,
        )
        object.__setattr__(self, "_local", local)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from judged_once(samples, lambda replies: call(partial(self._judge, step, replies))))

    def step_scores(self, step: Step, replies: Sequence[str]) -> list[list[float]]:
        """The score of each step of each reply. Blocks; `verify` is what strategies use."""
        places: list[tuple[int, list[int]]] = []
        scores: list[list[float]] = [[] for _ in replies]

        def encode(tokenizer: Tokenizer, longest: int) -> list[Encoding]:
            encodings: list[Encoding] = []
            asked = self._question(step, tokenizer)
            for index, reply in enumerate(replies):
                for ids, ends in _pieces(*self._marked(asked, reply, tokenizer), longest):
                    places.append((index, ends))
                    encodings.append({"input_ids": ids})
            return encodings

        for (index, ends), logits in zip(places, self._local.logits(encode), strict=True):
            scores[index] += probability(logits[ends], self.label).tolist()
        return scores

    def _judge(self, step: Step, replies: Sequence[str]) -> list[Verdict]:
        return [self._verdict(scores) for scores in self.step_scores(step, replies)]

    def _verdict(self, scores: Sequence[float]) -> Verdict:
        if not scores:
            return Verdict(0.0)  # nothing but separators
        match self.aggregate:
            case "min":
                score = min(scores)
            case "product":
                score = prod(scores)
            case "last":
                score = scores[-1]
        wrong_at = next((number for number, low in enumerate(scores, 1) if low < self.wrong_below), None)
        return Verdict(score, self.accept_at is not None and score >= self.accept_at, wrong_at)

    def _question(self, step: Step, tokenizer: Tokenizer) -> list[int]:
        if tokenizer.chat_template is not None and self.chat_template:
            return _ids(tokenizer, rendered(tokenizer, conversation(step), reply_begins=True))
        begin = tokenizer.bos_token_id
        return ([] if begin is None else [begin]) + _ids(tokenizer, step.text)

    def _marked(self, asked: list[int], reply: str, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
        """Question and steps as tokens, and where each step ends."""
        ids, ends, mark = list(asked), [], _ids(tokenizer, self.mark)
        for part in reply.split(self.separator):
            if part.strip():
                ids += _ids(tokenizer, part) + mark
                ends.append(len(ids) - 1)
        return ids, ends


def _ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer(text, add_special_tokens=False)["input_ids"]) if text else []


def _pieces(ids: list[int], ends: list[int], longest: int) -> Iterator[tuple[list[int], list[int]]]:
    """Pieces of at most `longest` tokens, in order, and where in each the steps end whose scores it gives: all that
    fit into it, the first of them with half a piece before it, or with all that there is."""
    while ends:
        begin = 0 if ends[0] < longest else ends[0] + 1 - (longest + 1) // 2
        here = [end for end in ends if end < begin + longest]
        yield ids[begin : here[-1] + 1], [end - begin for end in here]
        ends = ends[len(here) :]
