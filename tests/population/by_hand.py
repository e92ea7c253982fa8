"""Votes written out one by one, and a population to draw them from."""

from collections import Counter
from itertools import product

import numpy as np

from tts_agent.population import Components, Population

MIXED = Population(
    Components(
        np.array([0.9, 0.3, 0.5]), np.array([1.0, 0.2, 3.0]), np.array([0.0, 0.5, 0.0]), np.array([0.1, 0.6, 0.3])
    ),
    np.array([0.5, 0.3, 0.2]),
)


def chance(votes: tuple[int, ...], p: float, errors: tuple[float, float], phi: float) -> float:
    """P of a sequence of votes, one after the other: 0 is right, -1 no vote, 1, 2, ... wrong answers as they appear."""
    theta, discount = errors
    wrong = Counter[int]()
    probability = 1.0
    for vote in votes:
        if vote == 0:
            probability *= p
        elif vote == -1:
            probability *= (1 - p) * phi
        else:
            m, answers = wrong.total(), len(wrong)
            repeat = (wrong[vote] - discount) / (m + theta) if wrong[vote] else None
            new = (theta + answers * discount) / (m + theta) if m else 1.0
            probability *= (1 - p) * (1 - phi) * (new if repeat is None else repeat)
            wrong[vote] += 1
    return probability


def sequences(n: int) -> list[tuple[int, ...]]:
    """Every sequence of n votes in which wrong answers are numbered as they appear."""
    kept = []
    for votes in product(range(-1, n + 1), repeat=n):
        seen = [vote for vote in dict.fromkeys(votes) if vote > 0]
        if seen == list(range(1, len(seen) + 1)):
            kept.append(votes)
    return kept


def kinds(population: Population) -> list[tuple[float, float, tuple[float, float], float]]:
    """(weight, p, (theta, d), phi) of each kind."""
    c = population.components
    columns = (population.weights, c.pass_rate, c.concentration, c.discount, c.invalid_rate)
    return [(w, p, (t, d), f) for w, p, t, d, f in zip(*(column.tolist() for column in columns), strict=True)]
