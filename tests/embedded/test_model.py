"""The forward pass agrees with itself and with the reference implementation."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tts_agent.embedded import MODEL_FOLDER
from tts_agent.embedded.chat import prompt_ids
from tts_agent.embedded.examples import EXAMPLES
from tts_agent.embedded.generation import Sampling, generate
from tts_agent.embedded.model import LanguageModel
from tts_agent.embedded.tokenizer import Tokenizer
from tts_agent.embedded.weights import Shape


@pytest.fixture(scope="module")
def reference() -> Any:
    transformers = pytest.importorskip("transformers")
    import torch

    return transformers.AutoModelForCausalLM.from_pretrained(MODEL_FOLDER, dtype=torch.float32).eval()


def test_logits_agree_with_transformers(model: LanguageModel, tokenizer: Tokenizer, reference: Any) -> None:
    import torch

    for question in EXAMPLES.values():
        ids = prompt_ids(tokenizer, [question])
        with torch.no_grad():
            expected = reference(torch.tensor([ids])).logits[0].numpy()
        np.testing.assert_allclose(model.logits(ids), expected, atol=1e-3)


def test_greedy_output_agrees_with_transformers(model: LanguageModel, tokenizer: Tokenizer, reference: Any) -> None:
    import torch

    ids = prompt_ids(tokenizer, [EXAMPLES["chain"]])
    (completion,) = generate(model, ids, [0], Sampling(0, 60, seed=0, eos=tokenizer.eos))
    expected = reference.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), do_sample=False, max_new_tokens=60
    )
    assert list(completion.ids) == expected[0, len(ids) :].tolist()


def test_the_tokenizer_agrees_with_transformers(tokenizer: Tokenizer) -> None:
    theirs = pytest.importorskip("transformers").AutoTokenizer.from_pretrained(MODEL_FOLDER)
    turns = [EXAMPLES["sort"], "12 ; 38 ; 47 ; answer 12, 38, 47", "wrong at step 3"]
    chat = [{"role": ("user", "assistant")[index % 2], "content": text} for index, text in enumerate(turns)]
    ids = theirs.apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    assert ids == prompt_ids(tokenizer, turns)
    assert theirs.decode(tokenizer.encode(turns[1])) == turns[1]


def test_decoding_with_the_cache_equals_the_full_pass(model: LanguageModel, tokenizer: Tokenizer) -> None:
    prompt = prompt_ids(tokenizer, [EXAMPLES["story"]])
    rows = np.array([tokenizer.encode("12 + 9 = 21")[:7], tokenizer.encode("19 - 5 = 1 4")[:7]])
    first, cache = model.prefill(prompt)
    np.testing.assert_allclose(first, model.logits(prompt)[-1], atol=1e-4)
    branches = model.branch(len(rows), rows.shape[1])
    steps = [model.advance(cache, branches, column) for column in rows.T]
    for row, ids in enumerate(rows.tolist()):
        expected = model.logits([*prompt, *ids])[len(prompt) :]
        np.testing.assert_allclose([step[row] for step in steps], expected, atol=1e-4)


@pytest.mark.parametrize(
    "change",
    [{"model_type": "gpt2"}, {"hidden_act": "gelu"}, {"tie_word_embeddings": False}, {"num_key_value_heads": 1}],
)
def test_models_of_another_make_are_refused(change: dict[str, Any]) -> None:
    config = json.loads(Path(MODEL_FOLDER / "config.json").read_text())
    with pytest.raises(ValueError, match="Llama"):
        Shape.read({**config, **change})
