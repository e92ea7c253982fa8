"""The forward pass of a small Llama in numpy, with a key-value cache that many samples of one prompt share."""

from pathlib import Path

import numpy as np

from tts_agent.embedded.weights import Array, LayerWeights, Shape, Weights, load_checkpoint


class Prompt:
    """Keys and values of a prompt, computed once: (layers, heads, length, head_dim) each."""

    __slots__ = ("keys", "length", "values")

    def __init__(self, keys: Array, values: Array) -> None:
        self.keys, self.values = keys, values
        self.length = keys.shape[2]


class Branches:
    """Keys and values of the tokens that follow a shared prompt, one row a sample."""

    def __init__(self, shape: Shape, rows: int, room: int) -> None:
        size = (shape.layers, rows, shape.heads, room, shape.head_dim)
        self.keys, self.values = np.empty(size, np.float32), np.empty(size, np.float32)
        self.length = 0
        """Tokens so far; the same in every row."""

    def keep(self, rows: np.ndarray) -> None:
        """Drop all but ``rows``, an array of row numbers."""
        self.keys, self.values = self.keys[:, rows], self.values[:, rows]


class LanguageModel:
    """A Llama whose logits agree with ``transformers`` up to float32 rounding."""

    def __init__(self, shape: Shape, weights: Weights) -> None:
        self.shape = shape
        self._weights = weights
        exponents = np.arange(0, shape.head_dim, 2, dtype=np.float32) / shape.head_dim
        angles = np.outer(np.arange(shape.context, dtype=np.float32), np.float32(shape.rope_theta) ** -exponents)
        both = np.concatenate((angles, angles), axis=1).astype(np.float32)
        self._cos, self._sin = np.cos(both), np.sin(both)

    @classmethod
    def load(cls, folder: Path) -> "LanguageModel":
        """Read ``config.json`` and ``model.safetensors`` in ``folder``."""
        return cls(*load_checkpoint(folder))

    def logits(self, ids: list[int]) -> Array:
        """Return the logits (length, vocabulary) after each of ``ids``, without sampling."""
        hidden, _ = self._read(ids)
        return self._unembed(hidden)

    def prefill(self, ids: list[int]) -> tuple[Array, Prompt]:
        """Return the logits (vocabulary,) after ``ids`` and the cache to continue from."""
        hidden, prompt = self._read(ids)
        return self._unembed(hidden[-1:])[0], prompt

    def branch(self, rows: int, room: int) -> Branches:
        """Return an empty cache for ``rows`` samples of at most ``room`` tokens each."""
        return Branches(self.shape, rows, room)

    def advance(self, prompt: Prompt, branches: Branches, ids: np.ndarray) -> Array:
        """Append one token to each row and return the logits (rows, vocabulary) after it."""
        shape, rows = self.shape, len(ids)
        new, position = branches.length, prompt.length + branches.length
        cos, sin = self._cos[position], self._sin[position]
        x = self._weights.embedding[ids]
        for index, layer in enumerate(self._weights.layers):
            qkv = (self._norm(x, layer.attention_norm) @ layer.qkv).reshape(rows, 3, shape.heads, shape.head_dim)
            turned = _rotate(qkv[:, :2], cos, sin)
            keys, values = branches.keys[index], branches.values[index]
            keys[:, :, new], values[:, :, new] = turned[:, 1], qkv[:, 2]
            query = turned[:, 0] * np.float32(shape.head_dim**-0.5)
            mixed = _attend_shared(
                query, prompt.keys[index], prompt.values[index], keys[:, :, : new + 1], values[:, :, : new + 1]
            )
            x = self._feed_forward(x + mixed.reshape(rows, shape.width) @ layer.out, layer)
        branches.length += 1
        return self._unembed(x)

    def _read(self, ids: list[int]) -> tuple[Array, Prompt]:
        """Return the last hidden states (length, width) and the cache of ``ids``."""
        shape, length = self.shape, len(ids)
        cos, sin = self._cos[:length], self._sin[:length]
        later = np.triu(np.full((length, length), -np.inf, np.float32), 1)
        keys = np.empty((shape.layers, shape.heads, length, shape.head_dim), np.float32)
        values = np.empty_like(keys)
        x = self._weights.embedding[ids]
        for index, layer in enumerate(self._weights.layers):
            qkv = (self._norm(x, layer.attention_norm) @ layer.qkv).reshape(length, 3, shape.heads, shape.head_dim)
            query, key, value = qkv.transpose(1, 2, 0, 3)
            keys[index], values[index] = _rotate(key, cos, sin), value
            scores = _rotate(query, cos, sin) @ keys[index].transpose(0, 2, 1) * np.float32(shape.head_dim**-0.5)
            mixed = (_softmax(scores + later) @ value).transpose(1, 0, 2).reshape(length, shape.width)
            attended: Array = mixed @ layer.out
            x = self._feed_forward(x + attended, layer)
        return x, Prompt(keys, values)

    def _feed_forward(self, x: Array, layer: LayerWeights) -> Array:
        gate, up = np.split(self._norm(x, layer.mlp_norm) @ layer.gate_up, 2, axis=-1)
        # The sigmoid by tanh: exp would overflow for large negative gates.
        silu = gate * (np.float32(0.5) * np.tanh(np.float32(0.5) * gate) + np.float32(0.5))
        result: Array = x + (silu * up) @ layer.down
        return result

    def _norm(self, x: Array, weight: Array) -> Array:
        scale = np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(self.shape.eps))
        normed: Array = x / scale * weight
        return normed

    def _unembed(self, hidden: Array) -> Array:
        logits: Array = self._norm(hidden, self._weights.norm) @ self._weights.embedding.T
        return logits


def _attend_shared(query: Array, prompt_keys: Array, prompt_values: Array, keys: Array, values: Array) -> Array:
    """Attend from each row's new token to the shared prompt and to the row's own tokens.

    ``query`` is (rows, heads, dim), the prompt's arrays (heads, length, dim), the rows' own (rows, heads, time, dim).
    """
    heads_first = query.transpose(1, 0, 2)
    to_prompt = (heads_first @ prompt_keys.transpose(0, 2, 1)).transpose(1, 0, 2)
    to_own = (keys @ query[..., None])[..., 0]
    weights = _softmax(np.concatenate((to_prompt, to_own), axis=-1))
    length = prompt_keys.shape[1]
    from_prompt = (weights[..., :length].transpose(1, 0, 2) @ prompt_values).transpose(1, 0, 2)
    from_own = (weights[:, :, None, length:] @ values)[:, :, 0]
    mixed: Array = from_prompt + from_own
    return mixed


def _rotate(x: Array, cos: Array, sin: Array) -> Array:
    """Turn (..., dim) by its positions, pairing entry i with entry i + dim / 2."""
    half = x.shape[-1] // 2
    swapped = np.concatenate((-x[..., half:], x[..., :half]), axis=-1)
    turned: Array = x * cos + swapped * sin
    return turned


def _softmax(scores: Array) -> Array:
    exponentials = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights: Array = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return weights
