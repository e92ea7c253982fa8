"""Labels with known difficulty, and an encoder that costs nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from math import exp
from random import Random

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty import Label, SampleSignals, StepText, leave_one_out

WORDS = ("amber", "birch", "cedar", "delta", "ember", "flint", "grove", "haven", "inlet", "jetty", "knoll", "larch")


class HashEncoder:
    """Vectors that say nothing but which text it was. Counts what it was asked."""

    def __init__(self, dimension: int = 8, name: str = "hash") -> None:
        self.dimension = dimension
        self.id = f"{name}:{dimension}"
        self.asked: list[list[str]] = []

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        self.asked.append(list(texts))
        rows = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
            vector = np.random.default_rng(seed).normal(size=self.dimension)
            rows[row] = vector / np.linalg.norm(vector)
        return rows


def sigmoid(x: float) -> float:
    return 1.0 / (1.0 + exp(-x))


def planted(questions: int, *, samples: int = 8, seed: int = 0) -> list[Label]:
    """Chains of 1 to 10 steps and lists of 3 to 12 numbers: the longer, the harder, and plain to see."""
    rng = Random(seed)
    labels: list[Label] = []
    for number in range(questions):
        if number % 2:
            size = rng.randint(1, 10)
            steps = " ".join(f"{rng.choice(('Add', 'Take away'))} {rng.randint(2, 99)}." for _ in range(size))
            text, kind, p = f"Start with {rng.randint(2, 99)}. {steps}", "chain", sigmoid(3.0 - 0.6 * size)
        else:
            size = rng.randint(3, 12)
            listed = ", ".join(str(rng.randint(10, 99)) for _ in range(size))
            text, kind, p = f"Sort these numbers: {listed}.", "sort", sigmoid(4.0 - 0.5 * size)
        labels += leave_one_out(StepText(text, kind, "m"), f"q{number}", drawn(p, samples, rng, lambda p, rng: 20))
    return labels


def hidden(questions: int, models: dict[str, int], *, samples: int = 8, seed: int = 0) -> list[Label]:
    """Difficulty that no text shows; the first sample's length does, in the direction given for each model."""
    rng = Random(seed)
    labels: list[Label] = []
    for number in range(questions):
        text = " ".join(rng.sample(WORDS, 8))
        p = rng.choice((0.1, 0.5, 0.9))
        for model, direction in models.items():

            def tokens(p: float, rng: Random, direction: int = direction) -> int:
                return round(100 * exp(direction * (0.5 - p) * 2 + rng.gauss(0, 0.2)))

            step = StepText(text, "default", model)
            labels += leave_one_out(step, f"q{number}", drawn(p, samples, rng, tokens))
    return labels


def drawn(
    p: float, samples: int, rng: Random, tokens: Callable[[float, Random], int]
) -> list[tuple[SampleSignals, bool]]:
    return [(SampleSignals(tokens(p, rng), "stop"), rng.random() < p) for _ in range(samples)]
