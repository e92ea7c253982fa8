"""A model of `transformers` in this process that reads texts and gives logits. The one door of verifiers to torch.

It loads at first use, from safetensors alone and without running code that comes with a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from tts_agent.exceptions import ConfigurationError, MissingExtraError, SamplerError
from tts_agent.step import Step
from tts_agent.verifiers.replies import spoken

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Floats = npt.NDArray[np.float64]
Tokenizer: TypeAlias = "PreTrainedTokenizerBase"
Encoding = Mapping[str, Sequence[int]]
"""What a tokenizer makes of one text: "input_ids" and, for some models, "token_type_ids"."""
Turn = Mapping[str, str]
"""A message as chat templates take it: role and content."""

DTYPES = ("auto", "float32", "bfloat16", "float16")


class LocalModel:
    """Used from several threads, it reads one batch at a time.

    Args:
        name: a folder, or a name on the Hugging Face Hub (from its cache when offline).
        head: what it classifies, whole sequences or each token.
        device: such as "cpu" or "cuda:1"; None takes an accelerator when there is one.
        dtype: of the weights; "auto" is as they were saved.
        batch_size: most texts that are read together.
        max_tokens: most tokens of a text; None is what tokenizer and model take.
    """

    def __init__(
        self,
        name: str,
        head: Literal["sequence", "token"],
        *,
        device: str | None,
        dtype: str,
        batch_size: int,
        max_tokens: int | None,
    ) -> None:
        if not name.strip():
            raise ConfigurationError("the model has no name: give a folder, or a name on the Hugging Face Hub")
        if dtype not in DTYPES:
            raise ConfigurationError(f"dtype is {dtype!r}: it must be one of {', '.join(DTYPES)}")
        if batch_size < 1 or (max_tokens is not None and max_tokens < 2):
            raise ConfigurationError(f"batch_size must be at least 1, max_tokens 2: {batch_size}, {max_tokens}")
        self.name = name
        self.head = head
        self._device, self._dtype = device, dtype
        self._batch_size, self._max_tokens = batch_size, max_tokens
        self._lock = Lock()
        self._parts: tuple[Tokenizer, PreTrainedModel] | None = None

    def logits(self, encode: Callable[[Tokenizer, int], Sequence[Encoding]]) -> list[Floats]:
        """What the model gives to each text: (labels,) for a sequence, (tokens, labels) for tokens.

        Args:
            encode: from the tokenizer and the most tokens of a text, the texts as tokens.

        Raises:
            MissingExtraError: `transformers` or torch is not installed.
            ConfigurationError: there is no such model, or none with this head.
            SamplerError: it gives something that is not a number.
        """
        with self._lock:  # tokenizers cannot be used by two threads at once
            tokenizer, model = self._parts = self._parts or self._load()
            encodings = encode(tokenizer, self._longest(tokenizer, model))
            found: list[Floats | None] = [None] * len(encodings)
            pad = model.config.get_text_config().pad_token_id
            # A sequence's logits are those of its last token that is no padding: without such a token, no batches.
            size = 1 if pad is None and self.head == "sequence" else self._batch_size
            order = sorted(range(len(encodings)), key=lambda index: len(encodings[index]["input_ids"]))
            for first in range(0, len(order), size):
                batch = order[first : first + size]
                read = self._read(model, [encodings[index] for index in batch], pad or 0)
                for index, logits in zip(batch, read, strict=True):
                    found[index] = logits
        return [logits for logits in found if logits is not None]

    def _read(self, model: PreTrainedModel, encodings: Sequence[Encoding], pad: int) -> list[Floats]:
        import torch
        from torch.nn.utils.rnn import pad_sequence

        columns = [dict(encoding) | {"attention_mask": [1] * len(encoding["input_ids"])} for encoding in encodings]
        inputs = {
            name: pad_sequence(
                [torch.tensor(column[name]) for column in columns],
                batch_first=True,
                padding_value=float(pad if name == "input_ids" else 0),
            ).to(model.device)
            for name in columns[0]
        }
        with torch.inference_mode():
            values: Floats = model(**inputs).logits.double().cpu().numpy()
        lengths = [len(encoding["input_ids"]) for encoding in encodings]
        kept = [row[:length] if self.head == "token" else row for row, length in zip(values, lengths, strict=True)]
        if not all(np.isfinite(row).all() for row in kept):
            raise SamplerError(
                f"the model {self.name!r} gave a score that is no number: try another dtype", billed=False
            )
        return kept

    def _longest(self, tokenizer: Tokenizer, model: PreTrainedModel) -> int:
        positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        return int(min(n for n in (tokenizer.model_max_length, positions, self._max_tokens) if n and n > 0))

    def _load(self) -> tuple[Tokenizer, PreTrainedModel]:
        try:
            import torch
            import transformers
            from safetensors import SafetensorError
            from transformers.utils import logging
        except ImportError as error:
            raise MissingExtraError(f"the model {self.name!r}", "reward") from error
        kinds: Any = {
            "sequence": transformers.AutoModelForSequenceClassification,
            "token": transformers.AutoModelForTokenClassification,
        }
        try:
            device = torch.device(self._device or _accelerator(torch))
        except RuntimeError as error:
            raise ConfigurationError(f"device is {self._device!r}, and torch knows none of that name") from error
        bars = logging.is_progress_bar_enabled()
        logging.disable_progress_bar()
        try:
            tokenizer = transformers.AutoTokenizer.from_pretrained(
                self.name, truncation_side="left", trust_remote_code=False
            )
            model, report = kinds[self.head].from_pretrained(
                self.name,
                dtype=self._dtype,
                use_safetensors=True,
                trust_remote_code=False,
                output_loading_info=True,
            )
            if missing := sorted(report["missing_keys"]):
                raise ValueError(f"its file lacks {missing[0]}, so that it would score at random")
            return tokenizer, model.to(device).eval()
        except (OSError, ValueError, KeyError, ImportError, SafetensorError) as error:
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
            raise ConfigurationError(f"{self.name!r} gives no model that classifies a {self.head}: {reason}") from error
        finally:
            if bars:
                logging.enable_progress_bar()


def conversation(step: Step) -> list[Turn]:
    """The turns before the reply; results of tools are turns of the user."""
    return [
        {"role": "user" if turn.role == "tool" else turn.role, "content": spoken(turn.content, turn.tool_calls)}
        for turn in step.messages
    ]


def rendered(tokenizer: Tokenizer, turns: Sequence[Turn], *, reply_begins: bool = False) -> str:
    """Turns as the model's chat template writes them, with the marks that begin a reply or without.

    Raises:
        ConfigurationError: the template refuses them.
    """
    from jinja2 import TemplateError

    try:
        return str(tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=reply_begins))  # type: ignore[arg-type]  # plain mappings are enough
    except TemplateError as error:
        raise ConfigurationError(
            f"the chat template of {tokenizer.name_or_path!r} refuses the turns: {error}"
        ) from None


def probability(logits: Floats, label: int) -> Floats:
    """(..., labels) -> (...): the sigmoid of a single logit, else the softmax of `label`.

    Raises:
        ConfigurationError: there is no such label.
    """
    labels = logits.shape[-1]
    if labels == 1:
        return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits[..., 0])))
    if not -labels <= label < labels:
        raise ConfigurationError(f"label is {label}, and the model has {labels} labels")
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shares[..., label] / shares.sum(axis=-1))


def _accelerator(torch: Any) -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"
