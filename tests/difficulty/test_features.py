"""Features are finite, ordered as named, and standardized by the training rows."""

from __future__ import annotations

from math import isnan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tts_agent.difficulty import SampleSignals, StepText
from tts_agent.difficulty.features import (
    SIGNAL_FEATURES,
    TEXT_FEATURES,
    Standardizer,
    one_hot,
    signal_features,
    text_features,
)


@given(st.text(), st.integers(0, 100), st.integers(0, 100))
def test_any_text_has_finite_features(text: str, tools: int, turns: int) -> None:
    values = text_features(StepText(text, tools=tools, turns=turns))
    assert len(values) == len(TEXT_FEATURES)
    assert np.isfinite(values).all()


def test_a_number_of_a_million_digits_is_just_a_large_number() -> None:
    values = dict(zip(TEXT_FEATURES, text_features(StepText("9" * 1_000_000)), strict=True))
    assert values["log largest number"] < 40


def test_text_features_count_what_they_say() -> None:
    step = StepText("Ann has 7 red apples, and 12 pears. How many?", tools=3, turns=2)
    values = {name: np.expm1(value) for name, value in zip(TEXT_FEATURES, text_features(step), strict=True)}
    assert round(values["log words"]) == 8
    assert round(values["log sentences"]) == 2
    assert round(values["log question marks"]) == 1
    assert round(values["log commas"]) == 1
    assert round(values["log numbers"]) == 2
    assert round(values["log digits"]) == 3
    assert round(values["log largest number"]) == 12
    assert round(values["log smallest number"]) == 7
    assert round(values["log tools"]) == 3


def test_missing_signals_are_nan_and_flagged() -> None:
    bare = dict(zip(SIGNAL_FEATURES, signal_features(SampleSignals(9, "stop")), strict=True))
    assert isnan(bare["mean logprob"])
    assert isnan(bare["verifier score"])
    assert (bare["logprob missing"], bare["verifier score missing"], bare["valid"]) == (1.0, 1.0, 1.0)
    full = dict(zip(SIGNAL_FEATURES, signal_features(SampleSignals(9, "length", -0.5, False, 0.75)), strict=True))
    assert full["mean logprob"] == -0.5
    assert np.expm1(full["log total surprise"]) == np.float64(4.5)
    assert (full["cut at the length limit"], full["valid"], full["verifier score"]) == (1.0, 0.0, 0.75)


@given(st.lists(st.lists(st.none() | st.floats(-1e6, 1e6), min_size=3, max_size=3), max_size=20))
def test_standardized_rows_are_finite_and_bounded(rows: list[list[float | None]]) -> None:
    array = np.array(rows, dtype=np.float64).reshape(-1, 3)
    scaled = Standardizer.fit(array)(array)
    assert np.isfinite(scaled).all()
    assert np.abs(scaled).max(initial=0.0) <= 4.0


def test_training_rows_have_mean_zero_and_deviation_one_and_what_is_missing_is_average() -> None:
    rows = np.array([[1.0, np.nan, 5.0], [3.0, 2.0, 5.0], [5.0, 4.0, 5.0]])
    scaler = Standardizer.fit(rows)
    scaled = scaler(rows)
    assert np.allclose(scaled[:, 0], [-1.2247, 0, 1.2247], atol=1e-4)
    assert np.allclose(scaled[:, 1], [0, -1, 1])
    assert np.allclose(scaler(np.array([[3.0, 3.0, 99.0]])), 0.0)  # what never varied says nothing


def test_an_unknown_name_is_a_row_of_zeros() -> None:
    assert one_hot(["b", "?", "a"], ["a", "b"]).tolist() == [[0, 1], [0, 0], [1, 0]]
