"""Learning a model of arms from recorded samples, by expectation-maximization with shrinkage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tts_agent.exceptions import ConfigurationError
from tts_agent.routing.arms import Arm, ArmModel, Floats

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ArmRecords:
    """Samples of Q questions from A arms, at most S of each; arrays are (Q, A, S), NaN where there is no sample."""

    correct: Floats
    """0 or 1."""
    costs: Floats
    """Tokens of the call, input and output, in tokens of one common price."""
    lengths: Floats
    """Output tokens as reported; NaN also where unknown."""
    answers: Ints
    """Equal numbers are equal answers, among arms that compare; -1 is unknown and agrees with nothing."""
    context: Ints
    """(Q, signals): values, from 0, of what is known before any call."""

    def __post_init__(self) -> None:
        shapes = {self.correct.shape, self.costs.shape, self.lengths.shape, self.answers.shape}
        if len(shapes) != 1 or self.correct.ndim != 3 or len(self.context) != len(self.correct):
            raise ConfigurationError(f"records of arms must all be (questions, arms, samples), got {sorted(shapes)}")
        if len(self.correct) == 0 or not np.isfinite(self.correct).any(axis=(0, 2)).all():
            raise ConfigurationError("every arm needs at least one recorded sample")

    def subset(self, questions: npt.NDArray[np.intp], keep: npt.NDArray[np.bool_] | None = None) -> ArmRecords:
        """The records of some questions, and of these only the samples where `keep` (Q, A, S) is true."""
        arrays = [self.correct, self.costs, self.lengths]
        if keep is not None:
            arrays = [np.where(keep, array, np.nan) for array in arrays]
        correct, costs, lengths = (array[questions] for array in arrays)
        return ArmRecords(correct, costs, lengths, self.answers[questions], self.context[questions])


@dataclass(frozen=True, slots=True)
class ArmFit:
    """How a model of arms is fitted; the strengths are pseudo-samples of the prior in every class."""

    classes: int = 5
    bins: int = 5
    pass_strength: float = 4.0
    """Pull of a class's pass rates towards class effect + arm effect on the logit scale."""
    length_strength: float = 1.0
    """Pull of a class's lengths and context towards those of all questions."""
    theta: float | None = None
    """Concentration of wrong answers; None fits it to how often two wrong answers agree."""
    rounds: int = 60

    def __call__(self, arms: Sequence[Arm], records: ArmRecords) -> ArmModel:
        """The model. Deterministic: classes start as groups of questions ordered by pass rate and cost.

        Source: EM for latent classes (Dempster, Laird and Rubin 1977), with Dirichlet and Beta priors.
        """
        right = np.nansum(records.correct, axis=2)
        number = np.isfinite(records.correct).sum(axis=2).astype(np.float64)
        edges = tuple(_edges(records.lengths[:, a], self.bins) for a in range(len(arms)))
        seen = [_counts(records.lengths[:, a], edges[a]) for a in range(len(arms))]
        seen += [np.eye(int(column.max()) + 1)[column] for column in records.context.T]
        marginals = [(table.sum(axis=0) + 0.5) / (table.sum() + 0.5 * table.shape[1]) for table in seen]
        costs = _filled(np.nansum(records.costs, axis=2), np.isfinite(records.costs).sum(axis=2))
        rates = (right.sum(axis=0) + 0.5) / (number.sum(axis=0) + 1.0)
        member = _start(right, number, rates, costs, self.classes)
        for _ in range(self.rounds):
            weights = (member.sum(axis=0) + 1.0) / (len(member) + self.classes)
            passes = self._passes(member.T @ right, member.T @ number, rates)
            tables = [
                _smooth(member.T @ table, marginal, self.length_strength)
                for table, marginal in zip(seen, marginals, strict=True)
            ]
            loglik = np.log(weights) + right @ np.log(passes).T + (number - right) @ np.log1p(-passes).T
            for table, shares in zip(seen, tables, strict=True):
                loglik = loglik + table @ np.log(shares).T
            new = np.exp(loglik - loglik.max(axis=1, keepdims=True))
            new /= new.sum(axis=1, keepdims=True)
            settled = float(np.abs(new - member).max()) < 1e-4
            member = new
            if settled:
                break
        mean = costs.mean(axis=0)
        expected = (member.T @ costs + mean) / (member.sum(axis=0)[:, None] + 1.0)
        cut = len(arms)
        theta = scatter_of(arms, records) if self.theta is None else self.theta
        return ArmModel(tuple(arms), weights, passes, expected, tuple(tables[:cut]), edges, tuple(tables[cut:]), theta)

    def _passes(self, right: Floats, number: Floats, rates: Floats) -> Floats:
        """(K, A): pass rates of classes, pulled towards a class effect plus an arm effect."""
        overall = rates.mean()
        of_class = (right.sum(axis=1) + 2.0 * overall) / (number.sum(axis=1) + 2.0)
        prior = _logit(of_class)[:, None] + (_logit(rates) - _logit(rates).mean())[None, :]
        shrunk = (right + self.pass_strength / (1.0 + np.exp(-prior))) / (number + self.pass_strength)
        clipped: Floats = np.clip(shrunk, 1e-3, 1.0 - 1e-3)
        return clipped


def scatter_of(arms: Sequence[Arm], records: ArmRecords) -> float:
    """Concentration theta of wrong answers: two of them agree with probability 1 / (1 + theta) (Ewens).

    From all pairs of wrong samples that compare, shrunk by two pairs towards theta = 1, within 0.05 .. 50.
    """
    pairs, agree = 2.0, 1.0
    for name in {arm.comparable for arm in arms} - {None}:
        members = [index for index, arm in enumerate(arms) if arm.comparable == name]
        answers = records.answers[:, members].reshape(len(records.answers), -1)
        wrong = (records.correct[:, members].reshape(answers.shape) == 0.0) & (answers >= 0)
        for slot in range(answers.shape[1] - 1):
            both = wrong[:, slot + 1 :] & wrong[:, slot, None]
            pairs += float(both.sum())
            agree += float((both & (answers[:, slot + 1 :] == answers[:, slot, None])).sum())
    return float(np.clip((pairs - agree) / max(agree, 1e-9), 0.05, 50.0))


def _start(right: Floats, number: Floats, rates: Floats, costs: Floats, classes: int) -> Floats:
    """(Q, K): questions ordered by pass rate less standardized log cost, in groups of equal size, softened."""
    share = ((right + rates) / (number + 1.0)).mean(axis=1)
    length = np.log(costs)
    spread = length.std(axis=0)
    length = ((length - length.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)).mean(axis=1)
    score = (share - share.mean()) / max(float(share.std()), 1e-9) - length
    place = np.argsort(np.argsort(score, kind="stable"), kind="stable") * classes // len(score)
    member = np.full((len(score), classes), 0.02)
    member[np.arange(len(score)), place] = 1.0
    soft: Floats = member / member.sum(axis=1, keepdims=True)
    return soft


def _edges(lengths: Floats, bins: int) -> Floats:
    known = lengths[np.isfinite(lengths)]
    if not len(known):
        return np.zeros(0)
    return np.unique(np.quantile(known, np.arange(1, bins) / bins))


def _counts(lengths: Floats, edges: Floats) -> Floats:
    """(Q, bins): samples whose length falls into each."""
    place = np.searchsorted(edges, lengths)
    known = np.isfinite(lengths)
    return np.stack([((place == j) & known).sum(axis=1) for j in range(len(edges) + 1)], axis=1).astype(np.float64)


def _filled(total: Floats, number: Ints) -> Floats:
    """(Q, A): means, the arm's own mean where a question has no sample of it."""
    overall = total.sum(axis=0) / number.sum(axis=0)
    return np.where(number > 0, total / np.maximum(number, 1), overall)


def _smooth(counts: Floats, marginal: Floats, strength: float) -> Floats:
    shares: Floats = (counts + strength * marginal) / (counts.sum(axis=1, keepdims=True) + strength)
    return shares


def _logit(p: Floats) -> Floats:
    return np.log(p) - np.log1p(-p)
