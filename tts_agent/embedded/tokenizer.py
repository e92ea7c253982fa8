"""Text to token ids and back: words, single digits and punctuation marks."""

from collections.abc import Sequence
from pathlib import Path

from tokenizers import Tokenizer as _Backend

PAD, BOS, EOS, UNKNOWN, USER, ASSISTANT = SPECIAL_TOKENS = ("<pad>", "<bos>", "<eos>", "<unk>", "<user>", "<assistant>")
"""The first six ids, in this order."""


class UnknownWordsError(ValueError):
    """The text has words that are not in the vocabulary."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        super().__init__(f"not in the vocabulary: {', '.join(words)}")


class Tokenizer:
    """A ``tokenizer.json`` with a fixed word list.

    Upper case, spacing and the place of punctuation do not matter to `encode`. `decode` writes tokens back as a
    person would (``47+38=85 ; answer 85``), and ``encode(decode(ids)) == ids`` for ids without special tokens.
    """

    def __init__(self, backend: _Backend) -> None:
        self._backend = backend
        self.pad, self.bos, self.eos, self.unknown, self.user, self.assistant = range(len(SPECIAL_TOKENS))

    @classmethod
    def load(cls, path: Path) -> "Tokenizer":
        """Read a ``tokenizer.json``."""
        return cls(_Backend.from_file(str(path)))

    @property
    def size(self) -> int:
        """Number of ids."""
        return self._backend.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Return the ids of plain ``text``.

        Raises:
            UnknownWordsError: a word is not in the vocabulary, or the text spells a special token.
        """
        encoding = self._backend.encode(text, add_special_tokens=False)
        ids: list[int] = encoding.ids
        if ids and min(ids) < len(SPECIAL_TOKENS):
            spans = [encoding.offsets[at] for at, id_ in enumerate(ids) if id_ < len(SPECIAL_TOKENS)]
            raise UnknownWordsError(tuple(dict.fromkeys(text[start:end] for start, end in spans)))
        return ids

    def count(self, text: str) -> int:
        """Return how many tokens ``text`` has, unknown words included."""
        return len(self._backend.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ``ids``; special tokens are left out."""
        text: str = self._backend.decode(list(ids), skip_special_tokens=True)
        return text
