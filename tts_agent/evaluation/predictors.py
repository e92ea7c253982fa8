"""The difficulty predictor's card of a bank in the lab, where there is something to predict from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from tts_agent.evaluation.banks import Bank
from tts_agent.evaluation.stream import thinned
from tts_agent.exceptions import ConfigurationError, MissingExtraError

LEAST_QUESTIONS = 25
"""Of different text: fewer are too few to train on."""


def predictor_card(bank: Bank, path: Path | None = None, *, seed: int = 0) -> dict[str, Any] | None:
    """Both stages on held-out questions, at most 300 of them, beside simple predictors; see `signals_card`.

    Args:
        path: of the bank's file; vectors of questions without text are read beside it.

    Returns: the card as JSON values; None where the bank has neither texts nor vectors, too few questions, or the
        extra `difficulty` is not installed.
    """
    bank = thinned(bank, seed=seed)
    if len({question.question or question.id for question in bank.questions}) < LEAST_QUESTIONS:
        return None
    vectors = beside(path) if path else {}
    has_text = all(question.question for question in bank.questions)
    if not has_text and not all(question.id in vectors for question in bank.questions):
        return None
    try:
        from tts_agent.evaluation.signals import bank_beliefs
        from tts_agent.evaluation.signals_card import bank_card
        from tts_agent.evaluation.signals_vectors import question_vectors

        rows = question_vectors(bank, sentence_encoder() if has_text else None, vectors)
        beliefs = bank_beliefs(bank, rows, seed=seed)
        shuffled = bank_beliefs(bank, rows, fold=beliefs.fold, seed=seed, shuffled=True)
        return bank_card(bank, beliefs, shuffled, seed=seed).to_json()
    except MissingExtraError:
        return None


@cache
def sentence_encoder() -> Any:
    """One encoder a process, which remembers what it encoded."""
    return _Remembering()


def beside(path: Path) -> Mapping[str, Any]:
    """Vectors by question id, of all npz files in a bank's folder."""
    from tts_agent.evaluation.signals_vectors import load_vectors

    found: dict[str, Any] = {}
    for file in sorted(path.parent.glob("*.npz")):
        found |= load_vectors(file)
    return found


class _Remembering:
    """The default sentence encoder, each text encoded once; a model that cannot be had is a missing extra."""

    def __init__(self) -> None:
        from tts_agent.difficulty.encoder import SentenceEncoder

        self._inner = SentenceEncoder(device="cpu")
        self._known: dict[str, Any] = {}

    @property
    def id(self) -> str:
        return self._inner.id

    def encode(self, texts: Any) -> Any:
        import numpy as np

        fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
        if fresh or not texts:
            try:
                rows = self._inner.encode(fresh)
            except ConfigurationError as error:
                raise MissingExtraError("the difficulty estimator", "difficulty") from error
            if not texts:
                return rows
            self._known |= dict(zip(fresh, rows, strict=True))
        return np.stack([self._known[text] for text in texts])
