"""How far a head is trusted: its prediction is pulled back towards what was believed without it.

For stage one that is the mean of the class, for stage two the belief of stage one,
so a head without skill changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np

from tts_agent.difficulty.arrays import MAX_LOG_CONCENTRATION, Floats, Ints, logit, sigmoid
from tts_agent.difficulty.likelihood import nll
from tts_agent.difficulty.questions import Counts

WEIGHTS = np.round(np.linspace(0.0, 1.0, 11), 1)
CAPS = np.log(np.array([1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 20.0, 35.0, 60.0, 100.0, 200.0, 500.0]))
NEGLIGIBLE = 0.003
"""Nats a question that are no reason to trust a head."""


@dataclass(frozen=True, slots=True)
class Shrinkage:
    """mu <- w * mu + (1 - w) * mu_base; ln kappa likewise, then cut at a cap."""

    weight: float = 1.0
    """w, 0 (the head is ignored) .. 1 (taken as it is)."""
    log_cap: float = MAX_LOG_CONCENTRATION
    """ln of the largest concentration allowed while w > 0."""

    @classmethod
    def fit(
        cls, beliefs: Floats, base: Floats, counts: Counts, *, group: Ints | None = None, cautious: bool = True
    ) -> Shrinkage:
        """How far predictions may be trusted that were made without their own questions.

        Args:
            beliefs: (n, 2), predicted without their own questions.
            base: (n, 2), what to shrink towards.
            counts: what came out.
            group: (n,) entries of equal number are one draw, as several models on one text are; None: entries of one
                question. Only looked at without caution.
            cautious: take the smallest weight that is about as good as the best one: worse by less than one standard
                error, or by less than `NEGLIGIBLE`. A ridge solution has been pulled towards the base already, and
                for it that is too much: False takes the best weight as far as it is certain, see `_certain`.
        """
        best: list[tuple[Floats, Shrinkage]] = []
        for weight in WEIGHTS:
            options = [cls(0.0)]
            if weight:
                largest = float((weight * beliefs[:, 1] + (1.0 - weight) * base[:, 1]).max(initial=-np.inf))
                # Caps beyond the first one that cuts nothing would all give the same.
                options = [cls(float(weight), float(cap)) for cap in CAPS[: int(np.searchsorted(CAPS, largest)) + 1]]
            losses = [counts.by_question(nll(option(beliefs, base), counts)) for option in options]
            index = int(np.argmin([loss.mean() for loss in losses]))
            best.append((losses[index], options[index]))
        winner, chosen = min(best, key=lambda each: float(each[0].mean()))
        if not cautious:
            present, first = np.unique(counts.question, return_index=True)
            certain = chosen.weight * _certain(best[0][0] - winner, present if group is None else group[first])
            return best[int(np.searchsorted(WEIGHTS, certain, side="right")) - 1][1]
        for loss, option in best:
            behind = loss - winner
            if behind.mean() <= max(NEGLIGIBLE, behind.std() / np.sqrt(len(behind))):
                return option
        raise AssertionError("the winner is within reach of itself")

    @property
    def cap(self) -> float:
        """Largest concentration."""
        return exp(self.log_cap)

    def __call__(self, beliefs: Floats, base: Floats) -> Floats:
        """(n, 2) and (n, 2) -> (n, 2)."""
        if self.weight == 0.0:
            return base
        mean = self.weight * sigmoid(beliefs[:, 0]) + (1.0 - self.weight) * sigmoid(base[:, 0])
        size = self.weight * beliefs[:, 1] + (1.0 - self.weight) * base[:, 1]
        return np.stack((logit(mean), np.minimum(size, self.log_cap)), axis=1)


def _certain(gain: Floats, group: Ints) -> float:
    """1 - (standard error / mean)^2 of gains in likelihood (n,), 0 where that is negative.

    Nothing of a gain that is within one standard error of none, three quarters at two, 0.96 at five: the shape of the
    positive-part James-Stein estimator. Entries of a group (n,) are one draw.
    """
    mean = float(gain.mean())
    by_group = np.bincount(np.unique(group, return_inverse=True)[1], gain - mean)
    variance = float((by_group**2).sum()) / len(gain) ** 2
    return max(0.0, 1.0 - variance / mean**2) if mean > 0.0 else 0.0
