"""Weights and training states on disk, as safetensors."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save
from torch import Tensor, nn


def write(path: Path, tensors: Mapping[str, Tensor], **numbers: float) -> None:
    """Write ``tensors`` and ``numbers`` as one file; an earlier one is replaced whole or not at all."""
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {"format": "pt", **{name: repr(number) for name, number in numbers.items()}}
    partial = path.with_suffix(".partial")
    partial.write_bytes(save(contiguous, metadata))
    os.replace(partial, path)


def read(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a file that `write` wrote."""
    return load_file(path)


def write_state(path: Path, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer], **numbers: float) -> None:
    """Write all that it takes to go on: weights, the optimizers' moments, and ``numbers``."""
    tensors = {f"model/{name}": tensor for name, tensor in model.state_dict().items()}
    for index, optimizer in enumerate(optimizers):
        for parameter, moments in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer/{index}/{parameter}/{name}": tensor for name, tensor in moments.items()}
    write(path, tensors, **numbers)


def read_state(path: Path, model: nn.Module, optimizers: Sequence[torch.optim.Optimizer]) -> dict[str, float]:
    """Put what `write_state` wrote back into ``model`` and ``optimizers``; return its numbers."""
    tensors = read(path)
    model.load_state_dict({n.removeprefix("model/"): t for n, t in tensors.items() if n.startswith("model/")})
    for index, optimizer in enumerate(optimizers):
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            if name.startswith(f"optimizer/{index}/"):
                parameter, moment = name.split("/")[2:]
                state.setdefault(int(parameter), {})[moment] = tensor
        optimizer.load_state_dict(optimizer.state_dict() | {"state": state})
    with safe_open(path, framework="pt") as file:
        return {name: float(value) for name, value in file.metadata().items() if name != "format"}
