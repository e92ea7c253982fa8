"""Is P(correct) what it says? Expected calibration error of beliefs about the leader, on held-out questions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import lgamma, log

import numpy as np
from numpy.typing import NDArray

from tts_agent.evaluation.trajectories import Bools, Ints, State, Trajectories
from tts_agent.probability import Beta, log_beta
from tts_agent.stopping import AdaptiveConsistency
from tts_agent.voting import Tally, posterior

Floats = NDArray[np.float64]

BINS = 10
SIZES = (2, 5, 10)
"""Numbers of samples after which the belief is asked."""

Belief = Callable[[Tally], float]
"""P(the leader is right) given the votes; only their counts may matter."""

Fit = Callable[[Trajectories], Mapping[str, Belief]]
"""Training trajectories in, the belief of each class of steps out."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of one belief after n samples."""

    n: int
    ece: float
    predicted: float
    """Mean P(correct)."""
    accuracy: float
    """Share of leaders that are right."""


def expected_calibration_error(predicted: Floats, correct: Floats, bins: int = BINS) -> float:
    """Mean |accuracy - mean prediction| over bins of equal width, weighted by what is in them.

    Source: Guo et al., arXiv 1706.04599. Equal width because predictions after few votes take few values, which
    bins of equal mass would have to split.

    Args:
        predicted, correct: of the same shape; `correct` in 0..1.
    """
    p, y = predicted.ravel(), correct.ravel().astype(np.float64)
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    gaps = np.bincount(place, weights=p - y, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def calibration(replays: Trajectories, fit: Fit, fold: Ints, sizes: tuple[int, ...] = SIZES) -> list[Calibration]:
    """Cross-fitted calibration of P(leader is right) after n samples, over all questions and orderings.

    Questions with fewer than n samples and replays in which nobody could vote yet are left out.
    """
    possible = [n for n in sizes if n <= replays.shape[2]]
    predicted: dict[int, list[Floats]] = {n: [np.zeros(0)] for n in possible}
    correct: dict[int, list[Floats]] = {n: [np.zeros(0)] for n in possible}
    for number in sorted(set(fold.tolist())):
        beliefs = fit(replays.subset(fold != number))
        for n in possible:
            held_out = replays.subset((fold == number) & (replays.lengths >= n))
            said, voted = _say(held_out, beliefs, n)
            predicted[n].append(said[voted])
            correct[n].append(held_out.leader_correct[:, :, n][voted].astype(np.float64))
    rows = []
    for n in possible:
        p, y = np.concatenate(predicted[n]), np.concatenate(correct[n])
        if len(p):
            rows.append(Calibration(n, expected_calibration_error(p, y), float(p.mean()), float(y.mean())))
    return rows


def _say(replays: Trajectories, beliefs: Mapping[str, Belief], n: int) -> tuple[Floats, Bools]:
    """(Q, R) the belief in the leader, asked once a class and state; and where there is a leader."""
    said = np.zeros(replays.shape[:2])
    for name in sorted(set(replays.classes)):
        mine = replays.of_class(name)
        states = replays.states[mine, :, n]
        distinct, inverse = np.unique(states, return_inverse=True)
        values = np.array([beliefs[name](replays.tally(state)) for state in distinct.tolist()])
        said[mine] = values[inverse].reshape(states.shape)
    return said, np.asarray(replays.top[:, :, n, 0] > 0)


def adaptive_consistency_score(training: Trajectories) -> dict[str, Belief]:
    """Adaptive-Consistency's confidence, taken for P(correct) as its users do. Learns nothing."""

    def score(votes: Tally) -> float:
        return AdaptiveConsistency.confidence(*votes.top())

    return dict.fromkeys(_all_classes(training), score)


def beta_ewens(training: Trajectories) -> dict[str, Belief]:
    """The posterior of `voting.posterior`, with prior and theta of each class by maximum likelihood."""
    fitted = {}
    for name in _all_classes(training):
        prior, theta = fit_beta_ewens(training.subset(training.of_class(name)))
        fitted[name] = _leader_under(prior, theta)
    return fitted


def _all_classes(training: Trajectories) -> list[str]:
    return sorted(set(training.classes))


def _leader_under(prior: Beta, theta: float) -> Belief:
    def belief(votes: Tally) -> float:
        return posterior(votes, prior, theta).of(votes.leader)

    return belief


def fit_beta_ewens(training: Trajectories) -> tuple[Beta, float]:
    """Prior over pass@1 and concentration of wrong answers, by maximum likelihood on a grid.

    Prior: beta-binomial over counts of right votes, concentrations .25 to 64. Theta: Ewens' sampling formula over
    the partitions of wrong votes, .05 to 100. Every question counts once, with all its recorded samples.
    """
    right, wrong, partitions = [], [], []
    for question in range(training.shape[0]):
        votes, correct = training.votes[question, 0], training.correct[question, 0]
        length = int(training.lengths[question])
        voted = (votes[:length] >= 0) & correct[:length]
        right.append(int(voted.sum()))
        wrong.append(length - int(voted.sum()))
        answers = votes[:length][(votes[:length] >= 0) & ~correct[:length]]
        partitions.append((0, tuple(count for count in np.bincount(answers).tolist() if count)))
    return _prior(right, wrong), _theta(partitions)


def _prior(right: list[int], wrong: list[int]) -> Beta:
    mean = (sum(right) + 0.5) / (sum(right) + sum(wrong) + 1.0)
    means = sorted({min(max(mean + shift, 0.02), 0.98) for shift in np.linspace(-0.1, 0.1, 11).tolist()})
    grid = [Beta.of(m, float(size)) for m in means for size in 2.0 ** np.arange(-2.0, 6.5, 0.5)]
    counts = sorted(set(zip(right, wrong, strict=True)))
    number = dict.fromkeys(counts, 0)
    for each in zip(right, wrong, strict=True):
        number[each] += 1

    def likelihood(prior: Beta) -> float:
        base = log_beta(prior.a, prior.b)
        return sum(times * (log_beta(prior.a + r, prior.b + w) - base) for (r, w), times in number.items())

    return max(grid, key=likelihood)


def _theta(partitions: list[State]) -> float:
    def likelihood(theta: float) -> float:
        return sum(len(counts) * log(theta) + lgamma(theta) - lgamma(theta + sum(counts)) for _, counts in partitions)

    return float(max((0.05 * 2.0 ** (step / 2.0) for step in range(23)), key=likelihood))
