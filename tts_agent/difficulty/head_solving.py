"""Heads for small data sets: ridge logistic regression instead of gradient descent, so a fit takes milliseconds.

The result is an ordinary `Head`: each hidden unit is one input above one knot, so a signal acts as a broken line
(linear spline) and everything that holds for trained heads (saving, averaging, shrinkage) holds for these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts_agent.difficulty.arrays import Floats, Ints, clip_beliefs, logit, sigmoid
from tts_agent.difficulty.head import Head, corrected
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.logistic import fit_logistic
from tts_agent.difficulty.questions import Counts

BELOW_ALL = -10.0
"""A knot below every standardized input: there the unit is the input itself."""
CONTINUOUS = 10
"""Different values from which an input is bent at knots."""
SHIFTS = np.linspace(-4.0, 4.0, 33)
"""Changes of ln(concentration) that are tried."""


@dataclass(frozen=True, slots=True)
class SolvedHeadSettings:
    """How a head is solved for."""

    penalties: tuple[float, ...] = (300.0, 100.0, 30.0, 10.0, 3.0, 1.0)
    """Strengths of the ridge, in questions, strongest first; the one with the best unseen likelihood is taken."""
    knots: int = 2
    """Where the line of a continuous signal may bend: at as many equally spaced quantiles."""


@dataclass(frozen=True, eq=False)
class _Units:
    """Hidden units: input `column` above `knot`, centred. Not scaled: weak directions and short ends stay weak."""

    column: Ints
    knot: Floats
    center: Floats

    def __call__(self, x: Floats) -> Floats:
        return np.maximum(x[:, self.column] - self.knot, 0.0) - self.center

    @classmethod
    def of(cls, x: Floats, weight: Floats, columns: Ints, bent: Ints, knots: int) -> _Units:
        """From training entries (n, d). Inputs that do not vary, and copies of earlier ones, get no unit."""
        column: list[int] = []
        knot: list[float] = []
        seen: set[bytes] = set()
        bendable = set(bent.tolist())
        for index in columns.tolist():
            values = x[:, index]
            copy = np.round(values, 9).tobytes()
            if copy in seen or float(values.std()) < 1e-6:
                continue
            seen.add(copy)
            places = [BELOW_ALL]
            if index in bendable and len(np.unique(values)) >= CONTINUOUS:
                places += np.unique(np.quantile(values, np.linspace(0.0, 1.0, knots + 2)[1:-1])).tolist()
            column += [index] * len(places)
            knot += places
        units = cls(np.array(column, dtype=np.int64), np.array(knot), np.zeros(len(column)))
        return cls(units.column, units.knot, np.average(units(x), axis=0, weights=weight))

    def head(self, width: int, coefficients: Floats, log_size: float) -> Head:
        """The head that adds their weighted sum to the logit, and `log_size` to ln(concentration)."""
        count = len(self.column)
        w1 = np.zeros((width, count), dtype=np.float32)
        w1[self.column, np.arange(count)] = 1.0
        w2 = np.zeros((count, 2), dtype=np.float32)
        w2[:, 0] = coefficients[:-1]
        b2 = np.array([coefficients[-1] - float(coefficients[:-1] @ self.center), log_size], dtype=np.float32)
        return Head(w1, (-self.knot).astype(np.float32), w2, b2)


def solve_heads(
    x: Floats,
    base: Floats,
    counts: Counts,
    fold: Ints,
    *,
    settings: SolvedHeadSettings,
    columns: Ints | None = None,
    bent: Ints | None = None,
) -> tuple[tuple[Head, ...], Floats]:
    """One head a fold, solved without that fold, all with the penalty that does best on unseen entries.

    Args:
        x: (n, d) standardized inputs.
        base: (n, 2) beliefs to correct.
        counts: n outcomes.
        fold: (n,) fold numbers; entries of a group share theirs.
        settings: penalties and knots.
        columns: inputs to use; None is all.
        bent: inputs whose effect may bend; None is none of them.

    Returns:
        The heads, and the beliefs (n, 2) of each about its own fold.
    """
    columns = np.arange(x.shape[1]) if columns is None else columns
    bent = np.zeros(0, dtype=np.int64) if bent is None else bent
    folds = range(int(fold.max()) + 1)
    units: list[_Units] = []
    solutions: list[list[Floats]] = []
    unseen = np.zeros((len(settings.penalties), len(x)))
    for out in folds:
        train, mine = fold != out, fold == out
        mine_units = _Units.of(x[train], counts.weight[train], columns, bent, settings.knots)
        seen, judged = mine_units(x[train]), mine_units(x[mine])
        coefficients: Floats | None = None
        path: list[Floats] = []
        for index, penalty in enumerate(settings.penalties):
            coefficients = fit_logistic(
                seen,
                counts.share[train],
                counts.weight[train],
                offset=base[train, 0],
                ridge=penalty,
                start=coefficients,
                tolerance=1e-4,
            )
            path.append(coefficients)
            unseen[index, mine] = base[mine, 0] + judged @ coefficients[:-1] + coefficients[-1]
        units.append(mine_units)
        solutions.append(path)
    best = int(np.argmin([_log_loss(logits, counts) for logits in unseen]))
    logits = logit(sigmoid(unseen[best]))
    losses = [
        float(counts.by_question(nll(clip_beliefs(np.stack((logits, base[:, 1] + shift), axis=1)), counts)).mean())
        for shift in SHIFTS
    ]
    shift = float(SHIFTS[int(np.argmin(losses))])
    heads = tuple(units[out].head(x.shape[1], solutions[out][best], shift) for out in folds)
    raw = np.zeros_like(base)
    for out in folds:
        mine = fold == out
        raw[mine] = corrected((heads[out],), x[mine], base[mine])
    return heads, raw


def _log_loss(logits: Floats, counts: Counts) -> float:
    p = np.clip(sigmoid(logits), 1e-6, 1.0 - 1e-6)
    loss = -(counts.share * np.log(p) + (1.0 - counts.share) * np.log1p(-p))
    return float(counts.by_question(loss).mean())
