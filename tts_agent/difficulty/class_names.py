"""Names for classes of texts: the words that tell them apart."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_WORD = re.compile(r"[^\W\d_]{3,}")
WORDS = 3
"""In a name."""


def class_names(classes: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """A name for each class of texts: the words that set most of its texts off from the others, all different."""
    counts = [Counter(word for text in texts for word in _words(text)) for texts in classes]
    total = Counter[str]()
    for count in counts:
        total.update(count)
    size = sum(map(len, classes))
    names: list[str] = []
    for texts, count in zip(classes, counts, strict=True):
        rest = max(1, size - len(texts))
        gains = {word: round(here / len(texts) - (total[word] - here) / rest, 2) for word, here in count.items()}
        telling = [word for word, gain in gains.items() if gain > 0.0]
        telling.sort(key=lambda word: (-gains[word], -len(word), word))  # among equals long words say more
        name = " ".join(telling[:WORDS]) or "other"
        names.append(name if name not in names else f"{name} {len(names) + 1}")
    return tuple(names)


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}
