"""Remembers the vectors of the texts that were seen last: agents ask about the same step more than once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty.encoder import Encoder


class CachedEncoder:
    """An encoder in front of another one, least recently used texts forgotten first. Thread-safe.

    Args:
        inner: what encodes new texts.
        size: texts kept; 384 numbers of float32 each are 1.5 kB.
    """

    def __init__(self, inner: Encoder, size: int = 2048) -> None:
        self.inner = inner
        self.size = size
        self._vectors: OrderedDict[str, npt.NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()

    @property
    def id(self) -> str:
        """The inner encoder's."""
        return self.inner.id

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """See `Encoder.encode`. Two threads that miss the same text both encode it, with the same result."""
        found: dict[str, npt.NDArray[np.float32]] = {}
        with self._lock:
            for text in texts:
                if text in self._vectors:
                    self._vectors.move_to_end(text)
                    found[text] = self._vectors[text]
        missing = [text for text in dict.fromkeys(texts) if text not in found]
        if missing or not texts:
            fresh = self.inner.encode(missing)
            if not texts:
                return fresh
            found.update(zip(missing, fresh, strict=True))
            with self._lock:
                for text in missing:
                    self._vectors[text] = found[text]
                while len(self._vectors) > self.size:
                    self._vectors.popitem(last=False)
        return np.stack([found[text] for text in texts])
