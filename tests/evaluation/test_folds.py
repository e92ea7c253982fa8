"""Folds keep equal texts together and are even."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.evaluation.folds import folds
from tts_agent.exceptions import ConfigurationError


@given(st.lists(st.sampled_from("abcdefghijklmnop"), min_size=12), st.integers(0, 9))
def test_a_text_is_in_one_fold_and_folds_are_as_even_as_texts_allow(texts: list[str], seed: int) -> None:
    if len(set(texts)) < 3:
        return
    fold = folds(texts, 3, seed=seed)
    assert len(set(zip(texts, fold.tolist(), strict=True))) == len(set(texts))
    sizes = np.bincount(fold, minlength=3)
    assert sizes.max() - sizes.min() <= max(texts.count(text) for text in texts)
    assert (fold == folds(texts, 3, seed=seed)).all()


@pytest.mark.parametrize(("texts", "number"), [(["a", "a"], 2), (["a", "b"], 1)])
def test_folds_that_cannot_be_made_are_an_error(texts: list[str], number: int) -> None:
    with pytest.raises(ConfigurationError, match="cannot be put into"):
        folds(texts, number)
