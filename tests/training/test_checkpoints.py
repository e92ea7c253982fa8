"""A training state on disk goes on where it stopped."""

from pathlib import Path

import torch
from torch import nn

from training import checkpoints
from training.muon import Muon


def _trained(model: nn.Linear, optimizers: list[torch.optim.Optimizer], steps: int) -> None:
    for step in range(steps):
        inputs = torch.full((2, 3), float(step + 1))
        model(inputs).square().sum().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()


def _fresh() -> tuple[nn.Linear, list[torch.optim.Optimizer]]:
    torch.manual_seed(1)
    model = nn.Linear(3, 4)
    return model, [Muon([p for p in model.parameters() if p.ndim == 2], 0.02), torch.optim.AdamW([model.bias], 0.01)]


def test_state_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    model, optimizers = _fresh()
    _trained(model, optimizers, 3)
    checkpoints.write_state(tmp_path / "last.safetensors", model, optimizers, steps=3, seconds=1.5)
    again, theirs = _fresh()
    numbers = checkpoints.read_state(tmp_path / "last.safetensors", again, theirs)
    _trained(model, optimizers, 2)
    _trained(again, theirs, 2)
    assert numbers == {"steps": 3.0, "seconds": 1.5}
    assert torch.equal(model.weight, again.weight)
    assert torch.equal(model.bias, again.bias)
    assert [path.name for path in tmp_path.iterdir()] == ["last.safetensors"]
