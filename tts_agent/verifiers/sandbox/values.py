"""Python values as JSON, on their way between two processes that do not trust each other.

What arrives is built from exact built-in types: no class, no method and no `__eq__` of the sender comes along, which is
why a test may compare it. Everything else stays where it is, and a reference travels.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

_KINDS: dict[str, tuple[type[Any], Callable[[Any], Any], Callable[[Any], Any]]] = {
    "dict": (dict, lambda value: [[key, item] for key, item in value.items()], dict),
    "tuple": (tuple, list, tuple),
    "set": (set, list, set),
    "frozenset": (frozenset, list, frozenset),
    "deque": (deque, list, deque),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "bytearray": (bytearray, bytearray.hex, bytearray.fromhex),
    "complex": (complex, lambda value: [value.real, value.imag], lambda parts: complex(*parts)),
    "range": (range, lambda value: [value.start, value.stop, value.step], lambda parts: range(*parts)),
    "decimal": (Decimal, str, Decimal),
    "fraction": (Fraction, str, Fraction),
    "text": (str, str.__str__, str),  # subclasses of str and float; the types themselves are JSON already
    "number": (float, float, float),
}
"""Name -> type, how its content is taken out, how it is made of that again."""


def encode(value: Any, refer: Callable[[Any], dict[str, Any]]) -> Any:
    """The value as JSON: scalars and lists as they are, the rest as an object of one entry, its kind.

    Subclasses lose what they add: a `Counter` becomes a dict, a named tuple a tuple, an `IntEnum` an int.

    Args:
        refer: makes the entry for a value that is none of the built-in types.

    Raises:
        RecursionError: a value that contains itself.
    """
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, list):
        return [encode(item, refer) for item in value]
    for name, (kind, take_out, _) in _KINDS.items():
        if isinstance(value, kind):
            return {name: encode(take_out(value), refer)}
    return int(value) if hasattr(type(value), "__index__") else refer(value)  # subclasses of int, numpy's integers


def decode(data: Any, resolve: Callable[[str, Any], Any]) -> Any:
    """The value again.

    Args:
        resolve: finds what an entry made by `refer` stands for, from its kind and content.

    Raises:
        Exception: the data is not what `encode` makes.
    """
    if isinstance(data, list):
        return [decode(item, resolve) for item in data]
    if not isinstance(data, dict):
        return data
    ((name, content),) = data.items()
    if name not in _KINDS:
        return resolve(name, content)
    make = _KINDS[name][2]
    return make(decode(content, resolve))
