"""Python values as JSON, between two processes that do not trust each other."""

from __future__ import annotations

import json
from collections import Counter, OrderedDict, deque, namedtuple
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.verifiers.sandbox.values import decode, encode


def refuse(value: Any) -> dict[str, Any]:
    raise AssertionError(f"a reference was made for {value!r}")


def there_and_back(value: Any) -> Any:
    return decode(json.loads(json.dumps(encode(value, refuse))), lambda kind, content: pytest.fail(kind))


scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary()
    | st.fractions()
    | st.decimals(allow_nan=False)
    | st.complex_numbers(allow_nan=False)
)
hashables = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=5
)
values = st.recursive(
    hashables,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashables, inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.lists(inner, max_size=3).map(deque)
        | st.sets(hashables, max_size=3)
    ),
    max_leaves=10,
)


@given(values)
def test_what_arrives_is_what_was_sent(value: Any) -> None:
    back = there_and_back(value)
    assert back == value
    assert type(back) is type(value)


class Text(str):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


class Number(IntEnum):
    ONE = 1


Pair = namedtuple("Pair", "left right")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Text("x"), "x"),
        (Number.ONE, 1),
        (Pair(1, 2), (1, 2)),
        (Counter("aab"), {"a": 2, "b": 1}),
        (OrderedDict(a=1), {"a": 1}),
        ([Text("x")], ["x"]),
    ],
)
def test_subclasses_arrive_as_what_they_extend(value: Any, plain: Any) -> None:
    back = there_and_back(value)
    assert type(back) is type(plain)
    assert back == plain
    assert not isinstance(back, Text)


def test_anything_else_is_referred_to() -> None:
    sent = encode([len, {"key": object}], lambda value: {"mine": value.__name__})
    assert sent == [{"mine": "len"}, {"dict": [["key", {"mine": "object"}]]}]
    assert decode(sent, lambda kind, content: (kind, content)) == [("mine", "len"), {"key": ("mine", "object")}]


def test_a_value_in_itself_is_refused() -> None:
    value: list[Any] = []
    value.append(value)
    with pytest.raises(RecursionError):
        encode(value, refuse)


@pytest.mark.parametrize("data", [{}, {"a": 1, "b": 2}, {"set": [[1]]}, {"decimal": "x"}, {"bytes": 1}, {"dict": [1]}])
def test_what_no_value_is_sent_as_cannot_be_read(data: Any) -> None:
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        decode(data, lambda kind, content: pytest.fail(kind))


def test_exact_numbers_keep_their_kind() -> None:
    assert [type(back) for back in there_and_back([Decimal("0.1"), Fraction(1, 3)])] == [Decimal, Fraction]
