"""Made once for all tests of this folder: the real encoder, and an estimator trained with it."""

from __future__ import annotations

import pytest

from tests.difficulty.synthetic import planted
from tts_agent.difficulty import DifficultyEstimator, SentenceEncoder


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """These heads are tiny: a second thread only waits, and takes its core from other tests."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def minilm() -> SentenceEncoder:
    return SentenceEncoder(device="cpu")


@pytest.fixture(scope="session")
def estimator(minilm: SentenceEncoder) -> DifficultyEstimator:
    """Trained on texts that show their difficulty."""
    return DifficultyEstimator.fit(planted(240), encoder=minilm, seed=0)[0]
