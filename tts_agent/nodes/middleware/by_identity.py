"""Things that are made once for the very same objects: an agent's model, and the tools it offers at every step."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class ByIdentity(Generic[T]):
    """Remembers what was made for the last `most` groups of objects. Safe to share between threads."""

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._known: OrderedDict[tuple[int, ...], tuple[tuple[object, ...], T]] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, *objects: object, make: Callable[[], T]) -> T:
        """What was made for exactly these objects, in this order; now, if it was not yet."""
        key = tuple(map(id, objects))
        with self._lock:
            if key not in self._known:
                # The objects are kept as well: while they live, nothing else can have their ids.
                self._known[key] = objects, make()
                while len(self._known) > self._most:
                    self._known.popitem(last=False)
            return self._known[key][1]
