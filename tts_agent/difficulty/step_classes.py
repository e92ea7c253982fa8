"""Classes of steps that nobody named: a new text belongs to the class whose centre is nearest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tts_agent.difficulty.feature_space import Embeddings


@dataclass(frozen=True, eq=False)
class StepClasses:
    """k classes found in d-dimensional vectors of an encoder; `clustering.find_classes` finds them."""

    names: tuple[str, ...]
    """k different ones."""
    centres: Embeddings
    """(k, d), rows of length 1."""
    reach: tuple[float, ...]
    """k cosines: of each class the smallest that a text of it has with its centre. As far as the farthest question it
    was made of, or half of the angle to the next centre, whichever is more."""
    encoder: str
    """`Encoder.id` of what made the vectors."""
    encoder_name: str | None = None
    """How `SentenceEncoder` finds it; None for an encoder that has to be given."""

    def of(self, vectors: Embeddings) -> list[str | None]:
        """The classes of (n, d) unit vectors; None for one that is out of reach of its nearest centre."""
        cosines = vectors @ self.centres.T
        nearest = cosines.argmax(axis=1)
        return [
            self.names[place] if cosine[place] >= self.reach[place] else None
            for place, cosine in zip(nearest, cosines, strict=True)
        ]

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return {
            "encoder": self.encoder,
            "encoder_name": self.encoder_name,
            "found": [
                {"name": name, "reach": reach, "centre": [round(float(number), 5) for number in centre]}
                for name, reach, centre in zip(self.names, self.reach, self.centres, strict=True)
            ],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StepClasses:
        """What `to_json` gave.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        found: Sequence[Mapping[str, Any]] = values["found"]
        centres = np.array([each["centre"] for each in found], dtype=np.float32)
        names = tuple(str(each["name"]) for each in found)
        if centres.ndim != 2 or not np.isfinite(centres).all() or len(set(names)) < len(names):
            raise ValueError("classes need different names, and centres of one length")
        name = values["encoder_name"]
        return cls(
            names,
            centres,
            tuple(float(each["reach"]) for each in found),
            str(values["encoder"]),
            None if name is None else str(name),
        )
