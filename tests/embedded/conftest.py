"""One loaded model for all tests of this folder."""

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits

from tts_agent.embedded import MODEL_FOLDER
from tts_agent.embedded.model import LanguageModel
from tts_agent.embedded.sampler import EmbeddedSampler
from tts_agent.embedded.tokenizer import Tokenizer


@pytest.fixture(scope="session")
def model() -> LanguageModel:
    return LanguageModel.load(MODEL_FOLDER)


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    return Tokenizer.load(MODEL_FOLDER / "tokenizer.json")


@pytest.fixture(scope="session")
def sampler() -> EmbeddedSampler:
    return EmbeddedSampler()


@pytest.fixture(scope="session", autouse=True)
def _one_blas_thread() -> Iterator[None]:
    with threadpool_limits(1, user_api="blas"):
        yield
