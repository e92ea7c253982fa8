"""Pseudo-labels: how likely each step is right, from agreement and verdicts, corrected by steps whose outcome is known.

A signal taken for a label is biased: a verifier is fooled, and samples agree on a popular mistake. A small gold set
says how the signals fall where the step was right and where it was wrong; jointly, so signals that are fooled together
do no harm. With these two distributions f1 and f0, the share of right steps among the others is the s that maximizes
their likelihood, sum ln(s f1(pattern) + (1 - s) f0(pattern)) (Saerens, Latinne and Decaestecker, Neural Computation 14,
2002); with one signal that is the textbook correction (accepted - fa) / (ta - fa) of Rogan and Gladen (1978), kept
within 0 and 1.

What remains: the signals must fall in gold steps as in the others of equal outcome. Gold steps may be picked by outcome
(users report failures more often), and not by signal: a set of "the ones the verifier rejected" makes everything wrong
again. And a gold set of some tens of steps leaves a bias of its own, of a few hundredths at most in the tests, which
the interval is wide enough for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tts_agent.exceptions import ConfigurationError
from tts_agent.learning.record_file import Record

Floats = npt.NDArray[np.float64]
Pattern = tuple[bool | None, ...]
"""One value a signal; None where it was not there."""

_FEWEST = 10
_DRAWS = 2_000
_HALVINGS = 40


@dataclass(frozen=True, slots=True)
class Signalled:
    """A step, by its signals."""

    pattern: Pattern
    right: float | None = None
    """Its outcome, 0 or 1, or how likely it is right (`task_outcomes`); steps with one are the gold set."""


@dataclass(frozen=True, slots=True)
class PseudoLabels:
    """What the steps without an outcome are likely to be."""

    share: float
    """Of them that are right."""
    low: float
    high: float
    """Ends of the interval of the share, for what is not known of the signals and of the share."""
    raw: float
    """What the first signal alone would say: the share of True among the steps that have it; nan where none has."""
    right: tuple[float, ...]
    """P(right) of each of them, in the order they came."""


def signalled(records: Iterable[Record], kind: str) -> list[Signalled]:
    """The records of a class, each with the outcome of its task: for tasks of one step."""
    return [Signalled(signals(record), record.correct) for record in records if record.kind == kind and record.samples]


def signals(record: Record) -> Pattern:
    """The verifier's verdict, and whether the first two samples agree."""
    if len(record.samples) < 2:
        return record.accepted, None
    first, second = (sample.vote for sample in record.samples[:2])
    return record.accepted, first is not None and first == second


def pseudo_labels(steps: Sequence[Signalled], *, confidence: float = 0.95, seed: int = 0) -> PseudoLabels:
    """Label the steps without an outcome by those that have one.

    Args:
        steps: of one class and model.
        confidence: of the interval, from draws of f1, f0 (Dirichlet, with a prior worth one step) and of the steps
            themselves.
        seed: of the draws.

    Raises:
        ConfigurationError: no step to label, or fewer than ten right or ten wrong ones to learn from.
    """
    others = [step.pattern for step in steps if step.right is None]
    right, wrong = defaultdict[Pattern, float](float), defaultdict[Pattern, float](float)
    for step in steps:
        if step.right is not None:
            right[step.pattern] += step.right
            wrong[step.pattern] += 1.0 - step.right
    if min(sum(right.values()), sum(wrong.values())) < _FEWEST:
        raise ConfigurationError(
            f"{sum(right.values()):.0f} right and {sum(wrong.values()):.0f} wrong steps have an outcome: at least "
            f"{_FEWEST} of each are needed to know what the signals are worth"
        )
    if not others:
        raise ConfigurationError("every step has an outcome: there is nothing to label")
    seen = Counter(others)
    patterns = [*dict.fromkeys([*seen, *right, *wrong])]
    counts, in_right, in_wrong = (
        np.array([counted[pattern] for pattern in patterns], dtype=np.float64) for counted in (seen, right, wrong)
    )
    prior = 1.0 / len(patterns)  # worth one step: more would blur patterns that are rare for a reason
    f1, f0 = ((known + prior) / (known.sum() + 1.0) for known in (in_right, in_wrong))
    share = float(_share(counts, f1, f0))
    random = np.random.default_rng(seed)
    draws = _share(
        random.multinomial(len(others), counts / len(others), _DRAWS).astype(np.float64),
        random.dirichlet(in_right + prior, _DRAWS),
        random.dirichlet(in_wrong + prior, _DRAWS),
    )
    low, high = np.quantile(draws, [(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0])
    odds = share * f1 / (share * f1 + (1.0 - share) * f0)
    p_right = dict(zip(patterns, odds.tolist(), strict=True))
    first = [pattern[0] for pattern in others if pattern[0] is not None]
    raw = sum(first) / len(first) if first else float("nan")
    return PseudoLabels(share, float(low), float(high), raw, tuple(p_right[pattern] for pattern in others))


def _share(counts: Floats, f1: Floats, f0: Floats) -> Floats:
    """(...): the likeliest share of right steps, for (..., patterns); the likelihood is concave, so by bisection."""
    low, high = np.zeros(counts.shape[:-1]), np.ones(counts.shape[:-1])
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        mixed = middle[..., None] * f1 + (1.0 - middle[..., None]) * f0
        rises = (counts * (f1 - f0) / mixed).sum(axis=-1) > 0.0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return np.asarray((low + high) / 2.0)
