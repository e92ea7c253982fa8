"""Models of two layers with random weights, saved as real ones are: what they say is arbitrary, and always the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    LlamaForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

TEMPLATE = (
    "{% for turn in messages %}<s>{{ turn['role'] }}: {{ turn['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant: {% endif %}"
)
WINDOW = 128
SPECIAL = ["<pad>", "<s>", "</s>"]


def tokenizer(*, template: str | None = None, pairs: bool = False, pad: bool = True) -> PreTrainedTokenizerFast:
    """One token a byte."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: number for number, piece in enumerate(SPECIAL + letters)}
    inner = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    if pairs:
        inner.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> $B:1 </s>:1", special_tokens=[("<s>", 1), ("</s>", 2)]
        )
    names: dict[str, Any] = {"bos_token": "<s>", "eos_token": "</s>"} | ({"pad_token": "<pad>"} if pad else {})
    inputs = ["input_ids", "token_type_ids", "attention_mask"] if pairs else ["input_ids", "attention_mask"]
    made = PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=WINDOW, model_input_names=inputs, **names)
    made.chat_template = template
    return made


def llama(head: type[PreTrainedModel], folder: Path, *, labels: int = 1, pad: bool = True, **options: Any) -> Path:
    """A decoder with a chat template."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=300,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=WINDOW,
        initializer_range=0.5,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0 if pad else None,
    )
    config.num_labels = labels
    head(config).save_pretrained(folder)
    tokenizer(pad=pad, **{"template": TEMPLATE} | options).save_pretrained(folder)
    return folder


def sequence_llama(folder: Path, **options: Any) -> Path:
    """A reward model with one logit."""
    return llama(LlamaForSequenceClassification, folder, **options)


def token_llama(folder: Path, **options: Any) -> Path:
    """A process reward model with two labels."""
    return llama(LlamaForTokenClassification, folder, labels=2, **options)


def pair_bert(folder: Path, labels: int = 2) -> Path:
    """An encoder that reads pairs of texts and has no chat template."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=300,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=WINDOW,
        initializer_range=0.5,
        pad_token_id=0,
    )
    config.num_labels = labels
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer(pairs=True).save_pretrained(folder)
    return folder
