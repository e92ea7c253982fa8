"""Vectors kept on disk between runs, by the content of the text: training twice embeds once."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import time
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty.encoder import Encoder

CHUNK = 1024
"""Texts encoded and stored together: what a kill loses at most. Also the most parameters of one query."""
LIMIT = 1 << 30
"""Bytes, about 600,000 vectors of 384 numbers."""
WAIT = 30.0
"""Seconds to wait for another process that writes."""
_TABLES = """
CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, used INTEGER NOT NULL, vector BLOB NOT NULL,
    digest BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS vectors_by_use ON vectors (used);
"""

Vectors = npt.NDArray[np.float32]
T = TypeVar("T")


def default_file() -> Path:
    """`tts-agent/embeddings.db` in the user's cache folder: `$XDG_CACHE_HOME`, else `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")) / "tts-agent" / "embeddings.db"


class StoredEncoder:
    """An encoder in front of another one that keeps vectors in one SQLite file, which several processes may share.

    The file is a cache and nothing else: texts themselves are not in it, a damaged file or row is made again, and
    where it cannot be used at all (`trouble` says why) every text is encoded. Texts that were not used for longest
    are dropped first when the file grows beyond `limit`.

    Args:
        inner: what encodes new texts.
        path: the file; None is `default_file()`.
        variant: tells apart vectors that `inner.id` does not, such as those of a device of other precision.
        limit: bytes of the file, exceeded by one chunk at most.
        progress: called with (texts done, texts to encode) after each chunk.
    """

    def __init__(
        self,
        inner: Encoder,
        path: Path | None = None,
        *,
        variant: str = "",
        limit: int = LIMIT,
        progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.inner = inner
        self.path = path or default_file()
        self.variant = variant
        self.limit = limit
        self.trouble: str | None = None
        """Why the file is not used, as far as known."""
        self._progress = progress

    @property
    def id(self) -> str:
        """The inner encoder's."""
        return self.inner.id

    def encode(self, texts: Sequence[str]) -> Vectors:
        """See `Encoder.encode`. Each different text is looked up, and encoded if need be, once."""
        if not texts:
            return self.inner.encode(texts)
        keys = {text: self._key(text) for text in texts}
        found: dict[bytes, Vectors] = {}
        for chunk in _chunks(list(keys.values())):
            found |= self._transaction(partial(_read, keys=chunk)) or {}
        missing = [text for text, key in keys.items() if key not in found]
        done = 0
        for texts_now in _chunks(missing):
            fresh = {keys[text]: row for text, row in zip(texts_now, self.inner.encode(texts_now), strict=True)}
            self._transaction(partial(_write, fresh=fresh, limit=self.limit))
            found |= fresh
            done += len(fresh)
            if self._progress is not None:
                self._progress(done, len(missing))
        return np.stack([found[keys[text]] for text in texts])

    def _key(self, text: str) -> bytes:
        return sha256(f"{self.id}\n{self.variant}\n{text}".encode("utf-8", "surrogatepass")).digest()

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T | None:
        """What `work` returns; None where the file cannot be used. A damaged file is begun anew."""
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                return self._attempt(work)
            except sqlite3.DatabaseError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                    raise
                self.path.unlink(missing_ok=True)
                self.path.with_name(f"{self.path.name}-journal").unlink(missing_ok=True)
                return self._attempt(work)
        except (OSError, sqlite3.Error) as error:
            self.trouble = f"{self.path}: {error}"
            return None

    def _attempt(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with closing(sqlite3.connect(self.path, timeout=WAIT)) as database, database:
            database.executescript(_TABLES)
            return work(database)


def _read(database: sqlite3.Connection, keys: Sequence[bytes]) -> dict[bytes, Vectors]:
    marks = ", ".join("?" * len(keys))
    rows = database.execute(f"SELECT key, vector, digest FROM vectors WHERE key IN ({marks})", keys)
    found = {key: np.frombuffer(blob, np.float32) for key, blob, digest in rows if _fits(blob, digest)}
    database.executemany("UPDATE vectors SET used = ? WHERE key = ?", [(int(time()), key) for key in found])
    return found


def _write(database: sqlite3.Connection, fresh: dict[bytes, Vectors], limit: int) -> None:
    blobs = {key: np.ascontiguousarray(row, np.float32).tobytes() for key, row in fresh.items()}
    while _bytes(database) + sum(map(len, blobs.values())) > limit and _forget(database):
        pass
    rows = [(key, int(time()), blob, _digest(blob)) for key, blob in blobs.items()]
    database.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?, ?, ?)", rows)


def _forget(database: sqlite3.Connection) -> bool:
    """Drop the texts that were not used for longest; False when there is none."""
    oldest = "DELETE FROM vectors WHERE key IN (SELECT key FROM vectors ORDER BY used LIMIT ?)"
    return database.execute(oldest, (CHUNK,)).rowcount > 0


def _bytes(database: sqlite3.Connection) -> int:
    """Bytes in use. Pages of dropped rows stay in the file and are written again."""
    pages, free, size = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def _fits(blob: object, digest: object) -> bool:
    return isinstance(blob, bytes) and _digest(blob) == digest  # damage can make a blob a text or a number


def _digest(blob: bytes) -> bytes:
    return sha256(blob).digest()[:8]


def _chunks(values: list[T]) -> list[list[T]]:
    return [values[start : start + CHUNK] for start in range(0, len(values), CHUNK)]
