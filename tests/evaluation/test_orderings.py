"""Orderings are common, and depend on seed, question and number alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.evaluation.orderings import orderings
from tts_agent.exceptions import ConfigurationError


@given(st.integers(0, 2**32), st.text(), st.integers(1, 30), st.integers(1, 9))
def test_an_ordering_is_a_permutation_that_does_not_depend_on_how_many_there_are(
    seed: int, question: str, size: int, number: int
) -> None:
    few, more = orderings(seed, question, size, number), orderings(seed, question, size, number + 3)
    assert (np.sort(few, axis=1) == np.arange(size)).all()
    assert (few == more[:number]).all()


def test_orderings_differ_between_numbers_questions_and_seeds() -> None:
    base = orderings(0, "q", 20, 2)
    assert (base[0] != base[1]).any()
    assert (base != orderings(0, "r", 20, 2)).any()
    assert (base != orderings(1, "q", 20, 2)).any()


def test_orderings_are_the_same_on_every_machine() -> None:
    assert orderings(0, "q", 6, 2).tolist() == EXPECTED


def test_there_is_something_to_order() -> None:
    with pytest.raises(ConfigurationError, match="0 samples"):
        orderings(0, "q", 0)


EXPECTED = [[2, 3, 4, 1, 0, 5], [3, 0, 4, 2, 1, 5]]
