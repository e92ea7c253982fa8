"""The beta-binomial likelihood of k passes of N under a belief about pass@1: what heads are trained and judged by.

P(k | N, a, b) = C(N, k) B(a + k, b + N - k) / B(a, b),   a = mu kappa,  b = (1 - mu) kappa
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tts_agent.difficulty.arrays import MAX_LOG_CONCENTRATION, MIN_LOG_CONCENTRATION, Floats
from tts_agent.difficulty.extra import torch_module
from tts_agent.difficulty.questions import Counts

if TYPE_CHECKING:
    from torch import Tensor


def negative_log_likelihood(logit: Tensor, log_concentration: Tensor, passed: Tensor, of: Tensor) -> Tensor:
    """-ln P(k | N) in nats, elementwise and differentiable in the first two."""
    concentration = log_concentration.exp()
    a = logit.sigmoid() * concentration
    b = (-logit).sigmoid() * concentration
    failed = of - passed
    ways = (of + 1).lgamma() - (passed + 1).lgamma() - (failed + 1).lgamma()
    before = a.lgamma() + b.lgamma() - concentration.lgamma()
    after = (a + passed).lgamma() + (b + failed).lgamma() - (concentration + of).lgamma()
    return before - after - ways


def nll(beliefs: Floats, counts: Counts) -> Floats:
    """(n,) nats, of beliefs (..., n, 2); leading axes are kept."""
    torch = torch_module("the difficulty estimator")
    with torch.no_grad():
        logit, log_concentration = torch.from_numpy(np.ascontiguousarray(beliefs)).unbind(-1)
        loss = negative_log_likelihood(
            logit, log_concentration, torch.from_numpy(counts.passed), torch.from_numpy(counts.of)
        )
    return np.asarray(loss.numpy(), dtype=np.float64)


CONCENTRATIONS = np.linspace(MIN_LOG_CONCENTRATION, MAX_LOG_CONCENTRATION, 40)
"""Logarithms of the concentrations that are tried where one number is fitted."""


def nll_by_concentration(logits: Floats, counts: Counts) -> Floats:
    """(40, n): the loss of means (n,) at each of `CONCENTRATIONS`."""
    pairs = np.broadcast_arrays(logits, CONCENTRATIONS[:, None])
    return nll(np.stack(pairs, axis=-1), counts)
