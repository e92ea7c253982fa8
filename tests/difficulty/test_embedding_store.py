"""The embedding cache on disk: the same vectors as without it, whatever happens to its file."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.difficulty.synthetic import HashEncoder
from tts_agent.difficulty import embedding_store
from tts_agent.difficulty.embedding_store import StoredEncoder, default_file

TEXTS = [f"text {number}" for number in range(50)]


def asked(inner: HashEncoder) -> list[str]:
    return [text for call in inner.asked for text in call]


def encode(path: Path, texts: Sequence[str] = TEXTS, *, variant: str = "", name: str = "hash") -> list[str]:
    """The texts that had to be encoded; the vectors are compared with those of no cache."""
    inner = HashEncoder(name=name)
    found = StoredEncoder(inner, path, variant=variant).encode(texts)
    assert np.array_equal(found, HashEncoder().encode(texts))
    return asked(inner)


def test_what_was_encoded_once_is_read_ever_after(tmp_path: Path) -> None:
    path = tmp_path / "below" / "e.db"
    assert encode(path, [*TEXTS, *TEXTS]) == TEXTS
    assert encode(path, [*reversed(TEXTS), "new"]) == ["new"]
    assert path.parent.stat().st_mode & 0o077 == 0


def test_encoders_and_variants_are_kept_apart(tmp_path: Path) -> None:
    assert encode(tmp_path / "e.db") == TEXTS
    assert encode(tmp_path / "e.db", variant="cuda") == TEXTS
    assert encode(tmp_path / "e.db", name="other") == TEXTS
    assert encode(tmp_path / "e.db") == []


def test_no_text_is_no_vector(tmp_path: Path) -> None:
    assert StoredEncoder(HashEncoder(), tmp_path / "e.db").encode([]).shape == (0, 8)


def test_texts_are_not_in_the_file(tmp_path: Path) -> None:
    encode(tmp_path / "e.db")
    assert b"text 7" not in (tmp_path / "e.db").read_bytes()


def test_chunks_are_kept_as_they_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding_store, "CHUNK", 20)

    class Fails(HashEncoder):
        def encode(self, texts: Sequence[str]) -> np.ndarray:
            if len(self.asked) == 2:
                raise KeyboardInterrupt
            return super().encode(texts)

    said: list[tuple[int, int]] = []
    with pytest.raises(KeyboardInterrupt):
        StoredEncoder(Fails(), tmp_path / "e.db", progress=lambda done, of: said.append((done, of))).encode(TEXTS)
    assert said == [(20, 50), (40, 50)]
    assert encode(tmp_path / "e.db") == TEXTS[40:]


def test_the_file_stays_within_its_limit_and_drops_what_was_used_least_recently(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_store, "CHUNK", 10)
    now = iter(range(10**6))
    monkeypatch.setattr(embedding_store, "time", lambda: next(now))
    path, limit = tmp_path / "e.db", 60_000
    inner = HashEncoder(256)
    store = StoredEncoder(inner, path, limit=limit)
    for start in range(0, 400, 10):
        store.encode(["kept"])
        store.encode([f"text {number}" for number in range(start, start + 10)])
        assert path.stat().st_size <= limit + 10 * 4096
    assert asked(inner).count("kept") == 1
    store.encode(["text 399", "text 0"])
    assert asked(inner)[-1] == "text 0"
    assert asked(inner).count("text 399") == 1


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_gives_no_wrong_vector_and_is_mended(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "e.db"
    path.unlink(missing_ok=True)
    encode(path)
    content = bytearray(path.read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content = content[:start]
    else:
        noise = data.draw(st.binary(min_size=1, max_size=200))
        content[start : start + len(noise)] = noise
    path.write_bytes(content)
    encode(path)
    encode(path)


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0 or so", b""])
def test_a_foreign_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "e.db").write_bytes(content)
    assert encode(tmp_path / "e.db") == TEXTS
    assert encode(tmp_path / "e.db") == []


def test_where_no_file_can_be_kept_everything_is_encoded_and_the_reason_known(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "e.db", tmp_path):
        store = StoredEncoder(HashEncoder(), path)
        assert np.array_equal(store.encode(TEXTS), HashEncoder().encode(TEXTS))
        assert str(path) in str(store.trouble)


def _share(path: Path, start: int) -> None:
    texts = [f"shared {number}" for number in range(start, start + 200)]
    for begin in range(0, 200, 20):
        encode(path, texts[begin : begin + 20])


def test_processes_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "e.db"
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(_share, path, start) for start in (0, 100, 150)]:
            done.result()
    assert encode(path, [f"shared {number}" for number in range(350)]) == []
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_file_lies_in_the_users_cache_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_file() == tmp_path / "tts-agent" / "embeddings.db"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_file() == tmp_path / ".cache" / "tts-agent" / "embeddings.db"
