"""Reads a Llama checkpoint folder (``config.json`` and ``model.safetensors``) into numpy arrays."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """What of the configuration the forward pass needs."""

    layers: int
    heads: int
    head_dim: int
    context: int
    """Largest number of positions, prompt and completion together."""
    eps: float
    """Added to the mean square before its root is taken."""
    rope_theta: float

    @property
    def width(self) -> int:
        """Length of a hidden state."""
        return self.heads * self.head_dim

    @classmethod
    def read(cls, config: dict[str, Any]) -> "Shape":
        """Take the shape from a parsed ``config.json``.

        Raises:
            ValueError: the model is not a Llama of the plain kind that this package runs.
        """
        heads = config["num_attention_heads"]
        plain = (
            config["model_type"] == "llama"
            and config["hidden_act"] == "silu"
            and config["tie_word_embeddings"]
            and config.get("num_key_value_heads", heads) == heads
            and config["hidden_size"] == heads * config["head_dim"]
        )
        if not plain:
            raise ValueError("only Llama models with tied embeddings and one key head per query head are supported")
        return cls(
            layers=config["num_hidden_layers"],
            heads=heads,
            head_dim=config["head_dim"],
            context=config["max_position_embeddings"],
            eps=config["rms_norm_eps"],
            rope_theta=config["rope_theta"],
        )


@dataclass(frozen=True, slots=True)
class LayerWeights:
    """One layer; matrices are (inputs, outputs), ready for ``x @ w``."""

    attention_norm: Array
    qkv: Array
    """(width, 3 * width): queries, keys and values side by side."""
    out: Array
    mlp_norm: Array
    gate_up: Array
    """(width, 2 * intermediate): gate and up side by side."""
    down: Array


@dataclass(frozen=True, slots=True)
class Weights:
    """All parameters, float32."""

    embedding: Array
    """(vocabulary, width); also the output matrix."""
    layers: tuple[LayerWeights, ...]
    norm: Array

    @classmethod
    def read(cls, path: Path, layers: int) -> "Weights":
        """Read ``model.safetensors``.

        Raises:
            KeyError: a parameter is missing.
        """
        tensors = {name: tensor.astype(np.float32) for name, tensor in load_file(path).items()}

        def matrix(*names: str) -> Array:
            return np.ascontiguousarray(np.concatenate([tensors[f"{name}.weight"].T for name in names], axis=1))

        def layer(prefix: str) -> LayerWeights:
            attention, mlp = f"{prefix}.self_attn", f"{prefix}.mlp"
            return LayerWeights(
                attention_norm=tensors[f"{prefix}.input_layernorm.weight"],
                qkv=matrix(*(f"{attention}.{name}_proj" for name in "qkv")),
                out=matrix(f"{attention}.o_proj"),
                mlp_norm=tensors[f"{prefix}.post_attention_layernorm.weight"],
                gate_up=matrix(f"{mlp}.gate_proj", f"{mlp}.up_proj"),
                down=matrix(f"{mlp}.down_proj"),
            )

        return cls(
            embedding=tensors["model.embed_tokens.weight"],
            layers=tuple(layer(f"model.layers.{index}") for index in range(layers)),
            norm=tensors["model.norm.weight"],
        )


def load_checkpoint(folder: Path) -> tuple[Shape, Weights]:
    """Read the model in ``folder``."""
    shape = Shape.read(json.loads((folder / "config.json").read_text(encoding="utf-8")))
    return shape, Weights.read(folder / "model.safetensors", shape.layers)
