"""Operating points that are chosen on some questions and judged on others.

A replayed `Curve` has many settings. The best looking one of them on the questions that are reported flatters whoever
has many, so a choice is made on one random half of the questions and judged on the other, many times over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tts_agent.evaluation.arm_ladder import Curve
from tts_agent.evaluation.arms import cost_at, mix_at
from tts_agent.evaluation.bootstrap import Bootstrap, Floats, interval

Mask = npt.NDArray[np.bool_]
Choice = Callable[[Mask], tuple[Curve, Floats]]
"""Questions to choose on in; a curve and how much each of its settings is used out."""


@dataclass(frozen=True)
class Judged:
    """What a choice did on questions that it was not made on, averaged over halvings: arrays are (questions,)."""

    correct: Floats
    costs: Floats


def judge(choose: Choice, questions: int, halvings: int) -> Judged:
    """Each halving judges every question once. Deterministic."""
    rng = np.random.default_rng(1)
    correct, costs = np.zeros(questions), np.zeros(questions)
    for _ in range(halvings):
        side = rng.permutation(questions) % 2 == 0
        for here, there in ((side, ~side), (~side, side)):
            curve, mixture = choose(here)
            correct[there] += mixture @ curve.correct[:, there] / halvings
            costs[there] += mixture @ curve.costs[:, there] / halvings
    return Judged(correct, costs)


def strongest(fixed: Curve) -> Choice:
    """The most accurate arm."""

    def choose(here: Mask) -> tuple[Curve, Floats]:
        mixture = np.zeros(len(fixed.correct))
        mixture[int(fixed.correct[:, here].mean(axis=1).argmax())] = 1.0
        return fixed, mixture

    return choose


def cheapest(curve: Curve, fixed: Curve, margin: float) -> Choice:
    """The cheapest mixture of two settings that is as accurate as the strongest arm less `margin`."""

    def choose(here: Mask) -> tuple[Curve, Floats]:
        target = float(fixed.correct[:, here].mean(axis=1).max()) - margin
        return curve, mix_at(curve.correct[:, here].mean(axis=1), curve.costs[:, here].mean(axis=1), target)

    return choose


def if_clear(curve: Curve, fixed: Curve, margin: float) -> Choice:
    """The same, where it beats the cheapest mixture of arms by a standard error; else that mixture.

    Judged on the half it is chosen on, in correct answers, with tokens at the price at which the two arms of the
    mixture exchange them; where the mixture is a single arm there is no price, and it is kept.
    """
    ours, arms = cheapest(curve, fixed, margin), cheapest(fixed, fixed, margin)

    def choose(here: Mask) -> tuple[Curve, Floats]:
        mixed = arms(here)[1]
        used = np.flatnonzero(mixed)
        if len(used) < 2:
            return fixed, mixed
        accuracy, costs = fixed.correct[used][:, here].mean(axis=1), fixed.costs[used][:, here].mean(axis=1)
        price = float((accuracy[1] - accuracy[0]) / (costs[1] - costs[0]))
        mixture = ours(here)[1]
        more = mixture @ curve.correct[:, here] - mixed @ fixed.correct[:, here]
        dearer = mixture @ curve.costs[:, here] - mixed @ fixed.costs[:, here]
        gain = more - price * dearer
        if gain.mean() > gain.std() / len(gain) ** 0.5:
            return curve, mixture
        return fixed, mixed

    return choose


def to_mixing(judged: Judged, mixing: Judged, fixed: Curve, bootstrap: Bootstrap) -> tuple[float, float, float]:
    """Cost over that of random mixing, both chosen on other questions, with its 95 % interval.

    They come to different accuracies; so each one's cost is taken relative to that of the mixture of arms which is, in
    hindsight, the cheapest of its accuracy, and those two are compared.
    """
    arms = np.stack([fixed.correct, fixed.costs])
    rows = np.stack([judged.correct, judged.costs]), np.stack([mixing.correct, mixing.costs])
    resampled = [bootstrap.means(each) for each in (*rows, arms)]
    ratios = [_ratio(ours, theirs, hull) for ours, theirs, hull in zip(*resampled, strict=True)]
    low, high = interval(np.array(ratios))
    return _ratio(rows[0].mean(axis=1), rows[1].mean(axis=1), arms.mean(axis=2)), float(low), float(high)


def _ratio(ours: Floats, theirs: Floats, arms: Floats) -> float:
    """Of (accuracy, cost) pairs, over (accuracy, cost) of the arms."""
    own, other = (
        cost / cost_at(arms[0], arms[1], min(float(accuracy), float(arms[0].max())))
        for accuracy, cost in (ours, theirs)
    )
    return float(own / other)
