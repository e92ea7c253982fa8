"""Builds the tokenizer from the words that the families use."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import WordLevel

from tts_agent.embedded.chat import feedback
from tts_agent.embedded.tasks import FAMILIES, normalize
from tts_agent.embedded.tokenizer import ASSISTANT, BOS, EOS, PAD, SPECIAL_TOKENS, UNKNOWN, USER

_SAMPLES_PER_LEVEL = 500
_DIGITS_AND_MARKS = (*"0123456789", *".,:;?!+-*=()")
_EXTRA_WORDS = ("and", "then", "the", "numbers")
_CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message.role == 'assistant' %}<assistant>{% else %}<user>{% endif %}{{ message.content }}"
    "{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
)


def word_list() -> list[str]:
    """Return the vocabulary of the embedded model, see `vocabulary`."""
    rng = Random(0)
    words = {*_EXTRA_WORDS, *feedback(1).split()}
    for family in FAMILIES.values():
        for level in range(1, family.levels + 1):
            for _ in range(_SAMPLES_PER_LEVEL):
                problem = family.generate(rng, level)
                words.update(normalize(f"{problem.question} {problem.solution}").split())
    return vocabulary(words)


def vocabulary(words: Iterable[str], marks: str = "") -> list[str]:
    """Return words in the order of their ids: special tokens, digits and marks, then the others by alphabet."""
    return [*SPECIAL_TOKENS, *_DIGITS_AND_MARKS, *marks, *sorted({word for word in words if word.isalpha()})]


def build(words: Sequence[str]) -> Tokenizer:
    """Return a tokenizer that splits on white space, digits and punctuation, and writes numbers without gaps."""
    tokenizer = Tokenizer(WordLevel({word: index for index, word in enumerate(words)}, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Punctuation("isolated"),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.WordPiece(prefix="##", cleanup=False),  # a space between any two tokens
            decoders.Fuse(),
            decoders.Replace(Regex(r"(?<=[0-9]) (?=[0-9])|(?<=[-+*=(]) | (?=[-+*=).,:?!])"), ""),
        ]
    )
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    return tokenizer


def write_tokenizer(folder: Path, words: Sequence[str], context: int = 0) -> None:
    """Write ``tokenizer.json`` and, for a model of ``context`` positions, ``tokenizer_config.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    build(words).save(str(folder / "tokenizer.json"))
    if not context:
        return
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "pad_token": PAD,
        "bos_token": BOS,
        "eos_token": EOS,
        "unk_token": UNKNOWN,
        "additional_special_tokens": [USER, ASSISTANT],
        "clean_up_tokenization_spaces": False,
        "chat_template": _CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
