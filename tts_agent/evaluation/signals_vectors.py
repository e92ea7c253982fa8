"""Sentence vectors of a bank's questions: encoded once, kept in a file if wanted, or given where texts are not.

Some banks must not hold their questions' texts; their vectors then come from a file by the question's id.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty.encoder import Encoder
from tts_agent.evaluation.banks import Bank, BankError

Vectors = npt.NDArray[np.float32]


def load_vectors(path: Path) -> Mapping[str, Vectors]:
    """Vectors by question id, from an npz file with the arrays `ids` (n,) and `emb` (n, e).

    Raises:
        BankError: the file is missing or has another form.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            ids, rows = file["ids"], np.asarray(file["emb"], dtype=np.float32)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise BankError(f"{path}: no npz file with the arrays ids and emb") from error
    if rows.ndim != 2 or ids.shape != rows.shape[:1]:
        raise BankError(f"{path}: ids has the shape {ids.shape} and emb {rows.shape}: (n,) and (n, e) are needed")
    return dict(zip(ids.tolist(), rows, strict=True))


def question_vectors(bank: Bank, encoder: Encoder | None = None, given: Mapping[str, Vectors] | None = None) -> Vectors:
    """(n, e) vectors of a bank's questions; (n, 1) zeros, which say nothing, where there is no way to have them.

    Args:
        bank: of n questions.
        encoder: of the texts; used when every question has one.
        given: vectors by id, for banks without texts; used when it knows every question.
    """
    questions = bank.questions
    texts = [question.question for question in questions if question.question]
    if encoder is not None and len(texts) == len(questions):
        return encoder.encode(texts)
    if given is not None and all(question.id in given for question in questions):
        return np.stack([given[question.id] for question in questions])
    return np.zeros((len(questions), 1), dtype=np.float32)


class FiledEncoder:
    """An encoder that remembers its vectors in a file, so that the next process need not load a model at all.

    Args:
        inner: encodes what the file does not have.
        folder: where the file is; made when needed. The file is named after the inner encoder's id.
    """

    def __init__(self, inner: Encoder, folder: Path) -> None:
        self.inner = inner
        self.path = folder / f"{hashlib.sha256(inner.id.encode()).hexdigest()[:16]}.npz"
        self._known: dict[str, Vectors] | None = None

    @property
    def id(self) -> str:
        """The inner encoder's."""
        return self.inner.id

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`. A file that cannot be read is written anew."""
        if self._known is None:
            self._known = self._read()
        names = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
        missing = {name: text for name, text in zip(names, texts, strict=True) if name not in self._known}
        if missing or not texts:
            fresh = self.inner.encode(list(missing.values()))
            if not texts:
                return fresh
            # Another process may have added to the file meanwhile.
            self._known = self._read() | self._known | dict(zip(missing, fresh, strict=True))
            self._write(self._known)
        return np.stack([self._known[name] for name in names])

    def _read(self) -> dict[str, Vectors]:
        try:
            return dict(load_vectors(self.path))
        except BankError:
            return {}

    def _write(self, known: Mapping[str, Vectors]) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        whole = self.path.with_suffix(".part.npz")
        np.savez(whole, ids=np.array(list(known)), emb=np.stack(list(known.values())))
        whole.replace(self.path)
