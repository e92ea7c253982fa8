"""Training of a head: beta-binomial likelihood, AdamW, early stopping. The one place that needs torch to learn.

The last layer starts at zero, so an untrained head changes nothing and early stopping pulls towards the base.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tts_agent.difficulty.arrays import MAX_LOG_CONCENTRATION, MAX_LOGIT, MIN_LOG_CONCENTRATION, Floats, Ints
from tts_agent.difficulty.extra import torch_module
from tts_agent.difficulty.head import Head
from tts_agent.difficulty.likelihood import negative_log_likelihood
from tts_agent.difficulty.questions import Counts

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How a head is trained: AdamW on mini-batches, stopped by the likelihood of the validation entries."""

    hidden: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    dropout: float = 0.2
    """Share of inputs set to zero in training; teaches the head to live without a class or model it knows."""
    batch: int = 256
    """Most entries of a mini-batch; small data sets get at least eight batches an epoch."""
    epochs: int = 60
    patience: int = 6
    """Epochs without a better validation likelihood before training ends."""


def train_head(
    x: Floats,
    base: Floats,
    counts: Counts,
    *,
    train: Ints,
    validation: Ints,
    seed: int,
    settings: HeadSettings,
) -> Head:
    """Train on the entries `train`, keep the epoch that is best on `validation`.

    Args:
        x: (n, d) inputs, standardized.
        base: (n, 2) beliefs to correct.
        counts: n outcomes.
        train: indices.
        validation: indices, of other groups.
        seed: of initial weights, batches and dropout; equal seeds give equal heads on the same machine.
        settings: of the training.
    """
    torch = torch_module("training a difficulty estimator")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # with matrices this small, threads do little but wait for each other
    try:
        return _train(x, base, counts, train=train, validation=validation, seed=seed, settings=settings)
    finally:
        torch.set_num_threads(threads)


def _train(
    x: Floats, base: Floats, counts: Counts, *, train: Ints, validation: Ints, seed: int, settings: HeadSettings
) -> Head:
    torch = torch_module("training a difficulty estimator")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    generator = torch.Generator().manual_seed(seed)

    def tensor(array: Floats) -> Tensor:
        moved: Tensor = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(device)
        return moved

    inputs, start = tensor(x), tensor(base)
    passed, of, weight = tensor(counts.passed), tensor(counts.of), tensor(counts.weight)
    w1 = torch.randn(x.shape[1], settings.hidden, generator=generator) * (1.0 / max(1, x.shape[1])) ** 0.5
    parameters = [
        values.to(device).requires_grad_()
        for values in (w1, torch.zeros(settings.hidden), torch.zeros(settings.hidden, 2), torch.zeros(2))
    ]

    def loss(index: Tensor, kept: Tensor | None) -> Tensor:
        seen = inputs[index] if kept is None else inputs[index] * kept.to(device)
        w1, b1, w2, b2 = parameters
        out = start[index] + (seen @ w1 + b1).relu() @ w2 + b2
        logit = out[:, 0].clamp(-MAX_LOGIT, MAX_LOGIT)
        log_size = out[:, 1].clamp(MIN_LOG_CONCENTRATION, MAX_LOG_CONCENTRATION)
        each = negative_log_likelihood(logit, log_size, passed[index], of[index])
        return (weight[index] * each).sum() / weight[index].sum()

    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    training, held_out = torch.from_numpy(train), torch.from_numpy(validation).to(device)
    with torch.no_grad():
        best_loss, best, waited = float(loss(held_out, None)), [p.detach().clone() for p in parameters], 0
    size = min(settings.batch, max(32, len(train) // 8))
    for _ in range(settings.epochs):
        order = training[torch.randperm(len(training), generator=generator)]
        for batch in order.split(size):
            keep = torch.rand(len(batch), x.shape[1], generator=generator) >= settings.dropout
            optimizer.zero_grad()
            loss(batch.to(device), keep / (1.0 - settings.dropout)).backward()
            optimizer.step()
        with torch.no_grad():
            now = float(loss(held_out, None))
        if now < best_loss:
            best_loss, best, waited = now, [p.detach().clone() for p in parameters], 0
        elif (waited := waited + 1) >= settings.patience:
            break
    return Head(*(values.cpu().numpy() for values in best))
