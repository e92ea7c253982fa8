"""Cheap features of a step's text and of its first sample, as plain lists of numbers.

Counts enter as log(1 + count), so that one more word matters less in a long text. What is missing is NaN;
`Standardizer` turns it into the training mean.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log1p, nan

import numpy as np

from tts_agent.difficulty.arrays import Floats
from tts_agent.difficulty.base import SampleSignals, StepText

TEXT_FEATURES = (
    "log characters",
    "log words",
    "log sentences",
    "log question marks",
    "log commas",
    "log lines",
    "log operators",
    "log capitalized words",
    "log numbers",
    "log digits",
    "longest number",
    "log largest number",
    "log smallest number",
    "share of different words",
    "mean word length",
    "longest word",
    "log tools",
    "log turns",
)
SIGNAL_FEATURES = (
    "log output tokens",
    "stopped by itself",
    "cut at the length limit",
    "stopped for a tool call",
    "stopped by a filter",
    "mean logprob",
    "log total surprise",
    "logprob missing",
    "valid",
    "verifier score",
    "verifier score missing",
)

_WORD = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d+")
_SENTENCE = re.compile(r"[.!?]+(?:\s|$)")
_OPERATOR = re.compile(r"[-+*/=^<>%\\×÷]")  # noqa: RUF001  # the multiplication sign is meant


@lru_cache(maxsize=4096)
def text_features(step: StepText) -> tuple[float, ...]:
    """The numbers named by `TEXT_FEATURES`, in that order; remembered, for a question is asked about many times."""
    text = step.text
    words = _WORD.findall(text)
    numbers = _NUMBER.findall(text)
    # Fifteen leading digits say how large a number is; one of a thousand digits must not set the scale.
    sizes = [log1p(float(number[:15])) for number in numbers]
    return (
        log1p(len(text)),
        log1p(len(words)),
        log1p(len(_SENTENCE.findall(text))),
        log1p(text.count("?")),
        log1p(text.count(",")),
        log1p(text.count("\n")),
        log1p(len(_OPERATOR.findall(text))),
        log1p(sum(word[0].isupper() for word in words)),
        log1p(len(numbers)),
        log1p(sum(map(len, numbers))),
        log1p(max(map(len, numbers), default=0)),
        max(sizes, default=0.0),
        min(sizes, default=0.0),
        len({word.lower() for word in words}) / max(1, len(words)),
        sum(map(len, words)) / max(1, len(words)),
        log1p(max(map(len, words), default=0)),
        log1p(max(0, step.tools)),
        log1p(max(0, step.turns)),
    )


def signal_features(first: SampleSignals) -> list[float]:
    """The numbers named by `SIGNAL_FEATURES`, in that order."""
    tokens = max(0, first.output_tokens)
    surprise = nan if first.logprob is None else max(0.0, -first.logprob)
    return [
        log1p(tokens),
        float(first.finish_reason == "stop"),
        float(first.finish_reason == "length"),
        float(first.finish_reason == "tool_calls"),
        float(first.finish_reason == "content_filter"),
        -surprise,
        log1p(surprise * tokens),
        float(first.logprob is None),
        float(first.valid),
        nan if first.verifier_score is None else first.verifier_score,
        float(first.verifier_score is None),
    ]


@dataclass(frozen=True, eq=False)
class Standardizer:
    """(x - mean) / deviation of the training rows, cut at +-4; a missing or constant value becomes 0."""

    mean: Floats
    """(d,)"""
    deviation: Floats
    """(d,), 0 where the training rows were all equal."""

    @classmethod
    def fit(cls, rows: Floats) -> Standardizer:
        """From training rows (n, d), NaN where missing."""
        known = np.isfinite(rows)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, rows, 0.0).sum(axis=0) / count
        deviation = np.sqrt((np.where(known, rows - mean, 0.0) ** 2).sum(axis=0) / count)
        return cls(mean, np.where(deviation > 1e-6, deviation, 0.0))

    def __call__(self, rows: Floats) -> Floats:
        """(n, d) -> (n, d)."""
        varies = self.deviation > 0.0
        scaled = (rows - self.mean) / np.where(varies, self.deviation, 1.0)
        return np.clip(np.where(np.isfinite(rows) & varies, scaled, 0.0), -4.0, 4.0)


def one_hot(names: Sequence[str], known: Sequence[str]) -> Floats:
    """(n, len(known)): a row for each name, all zero where the name is not known."""
    index = {name: column for column, name in enumerate(known)}
    rows = np.zeros((len(names), len(known)))
    for row, name in enumerate(names):
        if name in index:
            rows[row, index[name]] = 1.0
    return rows
