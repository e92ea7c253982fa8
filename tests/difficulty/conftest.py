"""Made once for all tests of this folder: the real encoder, and an estimator trained with it."""

from __future__ import annotations

import pytest

from tests.difficulty.synthetic import planted
from tts_agent.difficulty import DifficultyEstimator, SentenceEncoder


@pytest.fixture(scope="session")
def minilm() -> SentenceEncoder:
    return SentenceEncoder(device="cpu")


@pytest.fixture(scope="session")
def estimator(minilm: SentenceEncoder) -> DifficultyEstimator:
    """Trained on texts that show their difficulty."""
    return DifficultyEstimator.fit(planted(240), encoder=minilm, seed=0)[0]
