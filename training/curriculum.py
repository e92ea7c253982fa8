"""What is learned when."""

from collections.abc import Mapping
from types import MappingProxyType

HELD_BACK: Mapping[str, int] = MappingProxyType({"lookup": 4})
"""Rungs at the top of a ladder that only the last stage teaches: to be learned, not to be mastered."""
