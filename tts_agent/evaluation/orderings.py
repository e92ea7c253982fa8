"""Common random orderings: every method replays the same samples of a question in the same order.

Without replacement, so that a vote over all recorded samples is the same in every ordering. An ordering depends on
the seed, the question's id and its own number only: not on the bank, the method, or how many orderings are asked for.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from tts_agent.exceptions import ConfigurationError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEFAULT_ORDERINGS = 20


def digest(seed: int, text: str) -> int:
    """64 bits that depend on seed and text, alike on every machine."""
    return int.from_bytes(blake2b(f"{seed}\x00{text}".encode(), digest_size=8).digest(), "big")


def orderings(seed: int, question_id: str, size: int, number: int = DEFAULT_ORDERINGS) -> NDArray[np.intp]:
    """`number` random permutations of `size` samples, shape (number, size); the first r are the same for any number.

    Raises:
        ConfigurationError: there is nothing to order.
    """
    import numpy as np

    if size < 1 or number < 1:
        raise ConfigurationError(f"{number} orderings of {size} samples: at least one of each is needed")
    random = np.random.default_rng(digest(seed, question_id))
    return np.argsort(random.random((number, size)), axis=1, kind="stable")
