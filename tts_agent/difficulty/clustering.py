"""Finds classes of steps in their texts, where no column of the data names any: k-means on sentence embeddings.

How many there are is chosen by prediction strength (Tibshirani and Walther, "Cluster Validation by Prediction
Strength", 2005): the data are halved, both halves are clustered, and the classes of one half are compared with those
that the centres of the other half would give it. That is what is asked of the classes in use: to hold for new texts.
The largest number wins whose worst class keeps four fifths of its pairs together; it may be one, which is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tts_agent.difficulty.arrays import Ints
from tts_agent.difficulty.class_names import class_names
from tts_agent.difficulty.encoder import Encoder
from tts_agent.difficulty.feature_space import Embeddings
from tts_agent.difficulty.persistence import encoder_name
from tts_agent.difficulty.step_classes import StepClasses
from tts_agent.exceptions import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from sklearn.cluster import KMeans

LEAST = 20
"""Texts of a class, below which there is too little to measure on it."""
MOST = 12
"""Classes that are looked for."""
STRENGTH = 0.8
"""Prediction strength that a number of classes must have, mean over `SPLITS`; the paper's threshold is .8 to .9."""
SPLITS = 10


@dataclass(frozen=True, slots=True)
class FoundClasses:
    """Classes, and which text is of which."""

    classes: StepClasses
    kinds: tuple[str, ...]
    """The class of each text."""
    strength: float | None
    """Prediction strength of this number of classes; None where the number was given."""
    typical: tuple[str, ...]
    """Of each class the text that is nearest its centre."""


def find_classes(
    texts: Sequence[str], encoder: Encoder, *, number: int | None = None, seed: int = 0
) -> FoundClasses | None:
    """Put texts into classes.

    Args:
        texts: n of them, equal ones included.
        encoder: of the texts.
        number: of classes; None chooses it.
        seed: of splits and starts.

    Returns:
        None where the texts do not fall into classes of `LEAST` texts or more.

    Raises:
        ConfigurationError: `number` is below 1, or more than there are different texts.
        MissingExtraError: scikit-learn or the encoder's libraries are not installed.
    """
    if number is not None and not 1 <= number <= len(set(texts)):
        raise ConfigurationError(f"{number} classes of {len(set(texts))} different texts: at least one text a class")
    if number == 1 or (number is None and len(texts) < 2 * LEAST):
        return None
    vectors = encoder.encode(texts)
    strength = None
    if number is None:
        number, strength = _number(vectors, seed)
        if number == 1:
            return None
    labels = _clustered(vectors, number, seed).labels_
    centres = np.stack([vectors[labels == label].mean(axis=0) for label in range(number)])
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    names = class_names([[texts[int(at)] for at in np.flatnonzero(labels == label)] for label in range(number)])
    found = StepClasses(names, centres, (-1.0,) * number, encoder.id, encoder_name(encoder))
    found = replace(found, reach=_reach(found, vectors))
    kinds = tuple(name for name in found.of(vectors) if name is not None)
    typical = tuple(texts[int(at)] for at in (vectors @ centres.T).argmax(axis=0))
    return FoundClasses(found, kinds, strength, typical)


def _number(vectors: Embeddings, seed: int) -> tuple[int, float | None]:
    """The largest number of classes that other texts confirm, and how well they do; 1 where there is none."""
    best: tuple[int, float | None] = (1, None)
    for number in range(2, min(MOST, len(vectors) // LEAST) + 1):
        if np.bincount(_clustered(vectors, number, seed).labels_).min() < LEAST:
            continue
        strength = float(np.mean([_strength(vectors, number, seed + split) for split in range(SPLITS)]))
        if strength >= STRENGTH:
            best = (number, strength)
    return best


def _strength(vectors: Embeddings, number: int, seed: int) -> float:
    """Of the class of one half that fares worst: the share of its pairs that the other half's centres keep together."""
    order = np.random.default_rng(seed).permutation(len(vectors))
    half, other = vectors[order[::2]], vectors[order[1::2]]
    own = _clustered(half, number, seed).labels_
    told: Ints = _clustered(other, number, seed).predict(half)
    shares = []
    for label in range(number):
        counts = np.bincount(told[own == label])
        size = counts.sum()
        shares.append((counts * (counts - 1)).sum() / (size * (size - 1)) if size > 1 else 0.0)
    return min(shares)


def _clustered(vectors: Embeddings, number: int, seed: int) -> KMeans:
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise MissingExtraError("finding classes of steps", "difficulty") from error
    made: Any = KMeans(number, n_init=5, random_state=seed)
    fitted: KMeans = made.fit(vectors)
    return fitted


def _reach(classes: StepClasses, vectors: Embeddings) -> tuple[float, ...]:
    """Of each class the smaller of two cosines: that of its farthest text, and that of half the angle to the next
    centre, for texts of one template lie so close together that a new one would always be outside."""
    cosines = vectors @ classes.centres.T
    nearest = cosines.argmax(axis=1)
    between = classes.centres @ classes.centres.T
    np.fill_diagonal(between, -1.0)
    halfway = np.sqrt((1.0 + between.max(axis=1).clip(-1.0, 1.0)) / 2.0)  # cos(a / 2) of cos(a)
    farthest = [cosines[nearest == place, place].min(initial=1.0) for place in range(len(classes.names))]
    widened = np.minimum(farthest, halfway) - 1e-4  # the last digits of vectors differ between machines
    return tuple(round(float(cosine), 5) for cosine in widened)
