"""A model of transformers in this process: its logits as probabilities, and many threads at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.verifiers import tiny_models
from tts_agent.exceptions import ConfigurationError
from tts_agent.messages import Message, ToolCall, assistant, user
from tts_agent.step import Step
from tts_agent.verifiers.local_model import Encoding, Floats, LocalModel, Tokenizer, conversation, probability

LOGITS = st.floats(-1e4, 1e4)


@given(arrays(np.float64, (3, 4), elements=LOGITS))
def test_the_labels_share_one_whole(logits: Floats) -> None:
    shares = np.stack([probability(logits, label) for label in range(4)])
    assert (shares >= 0.0).all()
    assert shares.sum(axis=0) == pytest.approx(1.0)
    assert (probability(logits, -1) == shares[3]).all()


@given(LOGITS)
def test_one_logit_is_the_difference_of_two(logit: float) -> None:
    alone = probability(np.array([logit]), -1)
    assert alone == pytest.approx(probability(np.array([0.0, logit]), 1))
    assert alone + probability(np.array([-logit]), -1) == pytest.approx(1.0)


@pytest.mark.parametrize("label", [2, -3])
def test_a_label_that_is_not_there_is_refused(label: int) -> None:
    with pytest.raises(ConfigurationError, match="2 labels"):
        probability(np.zeros(2), label)


def test_results_of_tools_are_turns_of_the_user() -> None:
    turns = (user("Read."), Message("assistant", "", (ToolCall("read", "{}"),)), Message("tool", "42"), assistant("So"))
    assert conversation(Step(turns)) == [
        {"role": "user", "content": "Read."},
        {"role": "assistant", "content": "read({})"},
        {"role": "user", "content": "42"},
        {"role": "assistant", "content": "So"},
    ]


def test_threads_that_share_a_model_load_it_once_and_get_what_each_alone_gets(tmp_path: Path) -> None:
    folder = str(tiny_models.sequence_llama(tmp_path))
    texts = [f"{n} is the answer" for n in range(12)]

    def ask(model: LocalModel, text: str) -> float:
        def encode(tokenizer: Tokenizer, longest: int) -> list[Encoding]:
            return [{"input_ids": tokenizer(text)["input_ids"]}]

        return float(model.logits(encode)[0][0])

    def fresh() -> LocalModel:
        return LocalModel(folder, "sequence", device="cpu", dtype="auto", batch_size=4, max_tokens=None)

    shared, alone = fresh(), fresh()
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(lambda text: ask(shared, text), texts))
    assert together == pytest.approx([ask(alone, text) for text in texts])
