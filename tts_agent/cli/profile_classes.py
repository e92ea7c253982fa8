"""Classes for `tts-agent profile` where no column names them."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from tts_agent.difficulty.base import UNNAMED, Estimator
from tts_agent.exceptions import ConfigurationError, MissingExtraError
from tts_agent.learning.item import Item

if TYPE_CHECKING:
    from tts_agent.difficulty.clustering import FoundClasses


def classed(
    items: list[Item], number: int | None, predictor: Estimator | None, seed: int
) -> tuple[list[Item], FoundClasses | None]:
    """The items with the classes that were found in their texts; as they came where they name classes, or fall into
    none.

    Raises:
        ConfigurationError: `number` (None chooses) is wrong, or there are classes already.
        MissingExtraError: a number is wanted, and the extra `difficulty` is not installed.
    """
    named = {item.kind for item in items} - UNNAMED
    if named and number is not None:
        raise ConfigurationError(
            f"--classes is {number}, and the data name classes of their own, such as {min(named)!r}"
        )
    if named:
        return items, None
    try:
        from tts_agent.difficulty.clustering import find_classes
        from tts_agent.difficulty.encoder import SentenceEncoder

        encoder = getattr(predictor, "encoder", None) or SentenceEncoder()
        found = find_classes([item.text for item in items], encoder, number=number, seed=seed)
    except (MissingExtraError, ModuleNotFoundError) as error:
        if number is not None:
            raise MissingExtraError("--classes", "difficulty") from error
        print("All questions are one class: looking for others needs the extra `difficulty`.", file=sys.stderr)
        return items, None
    if found is None:
        return items, None
    return [replace(item, kind=kind) for item, kind in zip(items, found.kinds, strict=True)], found


def told(predictor: Estimator, found: FoundClasses | None) -> Estimator:
    """An estimator that is asked about classes that were found, of which it may know nothing."""
    if found is None:
        return predictor
    from tts_agent.difficulty import ClassifyingEstimator

    return ClassifyingEstimator(found.classes, predictor)
