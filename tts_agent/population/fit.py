"""Fits a population: how common each kind of question is in a class of steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tts_agent.exceptions import ConfigurationError
from tts_agent.population.components import Components, Floats, VoteCounts
from tts_agent.population.population import Population

_ROUNDS = 300
_SETTLED = 1e-6


def fit_population(
    questions: Sequence[VoteCounts],
    prior: Population | None = None,
    *,
    strength: float = 30.0,
    weights: Sequence[float] | None = None,
) -> Population:
    """Maximum a posteriori weights by expectation-maximization, a Kiefer-Wolfowitz mixture with a Dirichlet prior.

    Args:
        questions: recorded counts, one entry a question; the more samples each has, the sharper the fit.
        prior: what the weights are drawn to, usually the population of all classes together; None is a uniform
            grid with a strength of one question.
        strength: how many questions the prior is worth.
        weights: how much each question counts, 1 by default: the share of its first samples that fall in a bin.

    Raises:
        ConfigurationError: no question, or weights that do not fit.
    """
    counted = np.ones(len(questions)) if weights is None else np.asarray(weights, dtype=np.float64)
    if not len(questions) or counted.shape != (len(questions),) or counted.min() < 0.0 or strength <= 0.0:
        raise ConfigurationError("a population is fitted on at least one question, with weights >= 0 and strength > 0")
    if prior is None:
        grid = Components.grid()
        prior, strength = Population(grid, np.full(len(grid), 1.0 / len(grid))), 1.0
    place = {question: at for at, question in enumerate(dict.fromkeys(questions))}  # many have the same counts
    alike: Floats = np.bincount([place[question] for question in questions], counted).astype(np.float64)
    logs = prior.components.log_likelihood(list(place))
    likelihood = np.exp(logs - logs.max(axis=1, keepdims=True))
    fitted = _maximize(likelihood, alike, strength * prior.weights)
    return Population(prior.components, fitted)


def _maximize(likelihood: Floats, counted: Floats, pseudo: Floats) -> Floats:
    weights: Floats = pseudo / pseudo.sum()
    for _ in range(_ROUNDS):
        shares = counted / np.maximum(likelihood @ weights, 1e-300)
        updated = weights * (shares @ likelihood) + pseudo
        updated /= updated.sum()
        moved = float(np.abs(updated - weights).max())
        weights = updated
        if moved < _SETTLED:
            break
    return weights
