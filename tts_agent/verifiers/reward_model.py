"""A reward model in this process: a classifier of `transformers` that reads the conversation and the reply."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, ClassVar

from tts_agent.effects import Flow, call
from tts_agent.sampling import Sample
from tts_agent.step import Step
from tts_agent.verifiers.base import Verdict
from tts_agent.verifiers.local_model import Encoding, LocalModel, Tokenizer, conversation, probability, rendered
from tts_agent.verifiers.replies import judged_once


@dataclass(frozen=True, slots=True)
class RewardModel:
    """Scores a reply 0 to 1: the sigmoid of a single logit, or the softmax of `label`. It costs no tokens.

    What is read: the conversation and the reply in the model's chat template; where it has none, the last user turn
    and the reply as a pair of texts. What is too long is cut from the left, so the oldest goes first (of a pair, the
    longer text is cut). Truncated and unparseable replies score 0 and are not read.

    The reward of a model that was trained on preferences has no meaningful zero: it ranks replies to one question and
    is no P(correct), so nothing is accepted until `accept_at` is set to what `AcceptRates` found.
    Source: Cobbe et al., arXiv 2110.14168 (outcome verifiers); Ouyang et al., arXiv 2203.02155 (reward models).

    Raises:
        MissingExtraError: by `verify`, when the extra `reward` is not installed.
        ConfigurationError: by `verify`, when there is no such model, or its head was not trained.
        SamplerError: by `verify`, when the model gives something that is not a number.
    """

    needs: ClassVar[tuple[str, ...]] = ("extra reward", "GPU")
    source: ClassVar[str] = "arXiv 2110.14168"

    model: str
    """A folder, or a name on the Hugging Face Hub. Weights are safetensors; code that comes with a model is not run."""
    accept_at: float | None = None
    """Score from which on a reply is accepted; None accepts nothing."""
    label: int = -1
    """Which label stands for a good reply, where the model has several."""
    chat_template: bool = True
    """False reads pairs of texts even where the model has a template."""
    max_tokens: int | None = None
    """Most tokens of conversation and reply; None is what the model takes."""
    batch_size: int = 8
    device: str | None = None
    """None takes an accelerator when there is one."""
    dtype: str = "auto"
    name: str = "reward_model"
    _local: LocalModel = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        local = LocalModel(
            self.model,
            "sequence",
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            max_tokens=self.max_tokens,
        )
        object.__setattr__(self, "_local", local)

    def verify(self, step: Step, samples: Sequence[Sample]) -> Flow[Sequence[Verdict]]:
        return (yield from judged_once(samples, lambda replies: call(partial(self._judge, step, replies))))

    def _judge(self, step: Step, replies: Sequence[str]) -> list[Verdict]:
        logits = self._local.logits(partial(self._encode, step, replies))
        scores = [float(probability(row, self.label)) for row in logits]
        return [Verdict(score, accepted=self.accept_at is not None and score >= self.accept_at) for score in scores]

    def _encode(self, step: Step, replies: Sequence[str], tokenizer: Tokenizer, longest: int) -> list[Encoding]:
        if tokenizer.chat_template is None or not self.chat_template:
            return _rows(tokenizer([step.text] * len(replies), list(replies), truncation=True, max_length=longest))
        turns = conversation(step)
        texts = [rendered(tokenizer, [*turns, {"role": "assistant", "content": reply}]) for reply in replies]
        return _rows(tokenizer(texts, add_special_tokens=False, truncation=True, max_length=longest))


def _rows(columns: Mapping[str, Any]) -> list[Encoding]:
    named = {name: values for name, values in columns.items() if name != "attention_mask"}
    return [dict(zip(named, row, strict=True)) for row in zip(*named.values(), strict=True)]
