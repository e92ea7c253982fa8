"""Full-text search over the pages: SQLite's FTS5 with BM25, in memory."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from threading import Lock

from examples.deep_research.corpus import Page

_WORD = re.compile(r"\w+")


class Index:
    """Finds pages by words. Thread-safe."""

    def __init__(self, pages: Sequence[Page]) -> None:
        self.pages = {page.number: page for page in pages}
        self._lock = Lock()
        self._db = sqlite3.connect(":memory:", check_same_thread=False)
        self._db.execute("CREATE VIRTUAL TABLE pages USING fts5(title, text)")
        rows = ((page.number, page.title, page.text) for page in pages)
        self._db.executemany("INSERT INTO pages(rowid, title, text) VALUES (?, ?, ?)", rows)

    def search(self, query: str, most: int = 3, *, strict: bool = False) -> list[Page]:
        """The pages that fit best, any of the words counting, each cut to its best sentence; none without words.

        `strict` leaves those of them out whose best sentence lacks a word of the query.
        """
        asked = _WORD.findall(query)
        if not asked:
            return []
        words = " OR ".join(f'"{word}"' for word in asked)
        with self._lock:
            rows = self._db.execute(
                "SELECT rowid FROM pages WHERE pages MATCH ? ORDER BY bm25(pages), rowid LIMIT ?", (words, most)
            ).fetchall()
        found = [self.pages[number].excerpt(asked) for (number,) in rows]
        return [page for page in found if not strict or {*asked} <= {*_WORD.findall(page.text)}]
