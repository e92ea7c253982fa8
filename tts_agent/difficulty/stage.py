"""One stage of the estimator: a few heads, how far they are trusted, and the calibration of what comes out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tts_agent.difficulty.arrays import Floats, Ints
from tts_agent.difficulty.calibration import Platt
from tts_agent.difficulty.head import Head, corrected
from tts_agent.difficulty.head_solving import SolvedHeadSettings, solve_heads
from tts_agent.difficulty.head_training import HeadSettings, train_head
from tts_agent.difficulty.questions import Counts
from tts_agent.difficulty.shrinkage import Shrinkage


@dataclass(frozen=True, eq=False)
class Stage:
    """Base belief and inputs in, better belief out."""

    heads: tuple[Head, ...]
    shrinkage: Shrinkage
    calibration: Platt

    def __call__(self, x: Floats, base: Floats) -> Floats:
        """(n, d) inputs and (n, 2) base beliefs -> (n, 2) beliefs."""
        return self.calibration(self.shrinkage(corrected(self.heads, x, base), base))


def fit_stage(
    x: Floats,
    base: Floats,
    counts: Counts,
    fold: Ints,
    *,
    group: Ints | None = None,
    seed: int,
    settings: HeadSettings | SolvedHeadSettings,
    columns: Ints | None = None,
    bent: Ints | None = None,
) -> tuple[Stage, Floats]:
    """Fit by rotation: one head a fold, made without that fold.

    Each head predicts its own fold, which it never saw. Trust and calibration are chosen on these predictions,
    and whatever is trained on top of this stage must use them too: in use, the heads' mean is taken.

    Args:
        x: (n, d) inputs.
        base: (n, 2) beliefs that know nothing of their own question's outcome.
        counts: n outcomes.
        fold: (n,) fold numbers; entries of a group share theirs.
        group: (n,) group numbers: entries of equal number are no independent evidence.
        seed: of the training; solved heads have none.
        settings: of trained heads, or of heads that are solved for (`head_solving.py`: small data, milliseconds).
        columns: inputs that solved heads use; trained heads use all.
        bent: inputs whose effect may bend in solved heads; in trained heads any may.

    Returns:
        The stage, and its predictions (n, 2) for entries it was not trained on.
    """
    if isinstance(settings, SolvedHeadSettings):
        heads, raw = solve_heads(x, base, counts, fold, settings=settings, columns=columns, bent=bent)
    else:
        heads, raw = _train_heads(x, base, counts, fold, seed=seed, settings=settings)
    shrinkage = Shrinkage.fit(raw, base, counts, group=group, cautious=isinstance(settings, HeadSettings))
    trusted = shrinkage(raw, base)
    calibration = Platt.fit(trusted, counts)
    return Stage(heads, shrinkage, calibration), calibration(trusted)


def _train_heads(
    x: Floats, base: Floats, counts: Counts, fold: Ints, *, seed: int, settings: HeadSettings
) -> tuple[tuple[Head, ...], Floats]:
    """One head a fold, trained without that fold and stopped on the next one, and what it says about its own."""
    folds = int(fold.max()) + 1
    heads: list[Head] = []
    raw = np.zeros_like(base)
    for out in range(folds):
        stop = (out + 1) % folds
        head = train_head(
            x,
            base,
            counts,
            train=np.flatnonzero((fold != out) & (fold != stop)),
            validation=np.flatnonzero(fold == stop),
            seed=seed * 1000 + out,
            settings=settings,
        )
        mine = fold == out
        raw[mine] = corrected((head,), x[mine], base[mine])
        heads.append(head)
    return tuple(heads), raw
