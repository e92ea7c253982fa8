"""The difficulty estimator in the lab: fitted on training replays, asked about any.

One estimator for each class of steps, as `signals.py` has one for each bank. About a question that it was trained on
it says what it said before it had seen it, so that whatever is tuned on training questions finds there what it will
find on others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from tts_agent.difficulty.arrays import Floats, sigmoid
from tts_agent.difficulty.base import SampleSignals, StepText
from tts_agent.difficulty.class_means import ClassMeans
from tts_agent.difficulty.labels import Label
from tts_agent.difficulty.questions import Questions
from tts_agent.difficulty.two_stage import FitSettings, TwoStage, cross_fit
from tts_agent.evaluation.calibration import fit_beta_ewens
from tts_agent.evaluation.trajectories import Trajectories
from tts_agent.exceptions import MissingExtraError
from tts_agent.probability import Beta

Vectors = npt.NDArray[np.float32]
Encode = Callable[[Sequence[str]], Vectors]
"""Texts in, (n, e) sentence vectors out. A function of a module, so that other processes can have it."""

Key = tuple[str, int, float]
"""A question's text, and tokens and log-probability of its first sample (nan: not recorded)."""


def no_vectors(texts: Sequence[str]) -> Vectors:
    """Vectors that say nothing: the estimator sees lengths and words of the texts, and first samples."""
    return np.zeros((len(texts), 1), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class ClassBeliefs:
    """What is believed about the steps of one class; beliefs are arrays (..., 2) as in `signals.py`."""

    means: Callable[[Sequence[StepText]], Floats]
    """(n, 2), what is believed without an estimator."""
    estimator: TwoStage | None
    """None where the class has too few questions to train on, or the extra `difficulty` is not installed: then the
    mean of the class is believed, and results differ from those with the extra."""
    encode: Encode
    unseen: dict[str, Floats] = field(default_factory=dict)
    """By training question: what was said before it was seen."""
    unseen_after: dict[Key, Floats] = field(default_factory=dict)

    def before(self, steps: Sequence[StepText]) -> Floats:
        """(n, 2), stage one."""
        if self.estimator is None:
            return self.means(steps)
        fresh = self.estimator.before(steps, self.encode([step.text for step in steps]))
        return np.array([self.unseen.get(step.text, row) for step, row in zip(steps, fresh, strict=True)])

    def after(
        self, steps: Sequence[StepText], before: Floats, tokens: npt.NDArray[np.int64], logprobs: Floats
    ) -> Floats:
        """(n, m, 2), stage two: m first samples of each question with tokens and logprobs (n, m)."""
        shape = (*tokens.shape, 2)
        if self.estimator is None or self.estimator.two is None:
            return np.broadcast_to(before[:, None, :], shape)
        keys = [
            (index, int(count), float(logprob))
            for index in range(len(steps))
            for count, logprob in zip(tokens[index], np.nan_to_num(logprobs[index], nan=1.0), strict=True)
        ]
        distinct = list(dict.fromkeys(keys))
        fresh = self.estimator.after(
            [steps[index] for index, _, _ in distinct],
            before[[index for index, _, _ in distinct]],
            [_signals(count, logprob) for _, count, logprob in distinct],
        )
        known = {
            key: self.unseen_after.get((steps[key[0]].text, key[1], key[2]), row)
            for key, row in zip(distinct, fresh, strict=True)
        }
        return np.array([known[key] for key in keys]).reshape(shape)


@dataclass(frozen=True, eq=False)
class Beliefs:
    """Beliefs about pass@1 of steps of every class."""

    classes: dict[str, ClassBeliefs]
    everywhere: ClassBeliefs
    """For classes unknown in training: the mean of all."""

    def before(self, replays: Trajectories) -> Floats:
        """(Q, 2), stage one: the text."""
        return _before(self, replays)

    def after(self, replays: Trajectories) -> Floats:
        """(Q, R, 2), stage two: the text and what the first sample showed, its vote apart."""
        return _after(self, replays)

    def betas(self, replays: Trajectories) -> tuple[Beta, ...]:
        """(Q) stage one on the coarse grid that plans share."""
        return _betas(self, replays)

    def by_class(self, replays: Trajectories) -> list[tuple[npt.NDArray[np.bool_], ClassBeliefs, list[StepText]]]:
        """Of each class of steps in the replays: which questions are of it (Q), its beliefs, and its steps."""
        return [
            (
                replays.of_class(name),
                self.classes.get(name, self.everywhere),
                [_step(text, name) for text, each in zip(replays.texts, replays.classes, strict=True) if each == name],
            )
            for name in sorted(set(replays.classes))
        ]


# The settings of a sweep all ask for the beliefs about the same replays, one after the other.


@lru_cache(maxsize=4)
def _before(beliefs: Beliefs, replays: Trajectories) -> Floats:
    said = np.zeros((replays.shape[0], 2))
    for mine, of_class, steps in beliefs.by_class(replays):
        said[mine] = of_class.before(steps)
    return said


@lru_cache(maxsize=4)
def _after(beliefs: Beliefs, replays: Trajectories) -> Floats:
    said = np.zeros((*replays.shape[:2], 2))
    for mine, of_class, steps in beliefs.by_class(replays):
        first, logprobs = replays.tokens[mine, :, 0], replays.logprobs[mine, :, 0]
        said[mine] = of_class.after(steps, beliefs.before(replays)[mine], first, logprobs)
    return said


@lru_cache(maxsize=4)
def _betas(beliefs: Beliefs, replays: Trajectories) -> tuple[Beta, ...]:
    return tuple(map(beta_of, beliefs.before(replays)))


def fit_beliefs(
    training: Trajectories, encode: Encode = no_vectors, *, shuffled: bool = False, seed: int = 0
) -> Beliefs:
    """An estimator for each class, from the training questions' samples.

    Args:
        training: each question's samples in the first ordering are its rows, so that each comes once.
        encode: of texts.
        shuffled: train on outcomes of other questions: the control that must not help.
        seed: of folds and shuffling.
    """
    key = (_fingerprint(training), encode, shuffled, seed)
    if key not in _fitted:
        while len(_fitted) >= _MOST_FITTED:
            del _fitted[next(iter(_fitted))]
        _fitted[key] = _fit(training, encode, shuffled=shuffled, seed=seed)
    return _fitted[key]


_fitted: dict[tuple[bytes, Encode, bool, int], Beliefs] = {}
"""Contenders of one run are given the same training replays, one after the other."""
_MOST_FITTED = 12


def _fingerprint(training: Trajectories) -> bytes:
    """Of everything that estimators are fitted on."""
    first = (training.tokens[:, 0], training.correct[:, 0], training.votes[:, 0], training.logprobs[:, 0])
    seen = blake2b(repr((training.classes, training.texts, training.recorded)).encode(errors="surrogatepass"))
    for array in first:
        seen.update(np.ascontiguousarray(array).tobytes())
    return seen.digest()


def _fit(training: Trajectories, encode: Encode, *, shuffled: bool, seed: int) -> Beliefs:
    fitted = {
        name: _fit_class(training.subset(training.of_class(name)), name, encode, shuffled=shuffled, seed=seed)
        for name in sorted(set(training.classes))
    }
    return Beliefs(fitted, ClassBeliefs(_means(Questions.of(_labels(training, None)), training), None, encode))


def beta_of(belief: Floats) -> Beta:
    """(2,) logit of the mean and ln of the concentration, as a Beta on the coarse grid that plans share."""
    mean = float(np.clip(sigmoid(belief[0]), 1e-3, 1.0 - 1e-3))
    return Beta.of(mean, float(np.exp(np.clip(belief[1], -3.0, 8.0)))).rounded()


def _fit_class(own: Trajectories, name: str, encode: Encode, *, shuffled: bool, seed: int) -> ClassBeliefs:
    data = Questions.of(_labels(own, name))
    settings = FitSettings.small()
    means = _means(data, own)
    if len(np.unique(data.group)) < 2 * settings.folds:
        return ClassBeliefs(means, None, encode)
    if shuffled:
        data = data.shuffled(np.random.default_rng(seed))
    vectors = encode([step.text for step in data.steps])
    try:
        estimator, unseen = cross_fit(data, vectors, seed=seed, settings=settings)
    except MissingExtraError:
        return ClassBeliefs(means, None, encode)
    before = {step.text: row for step, row in zip(data.steps, unseen.before, strict=True)}
    after: dict[Key, Floats] = {}
    if unseen.after is not None:
        for question, signals, row in zip(data.rows.question, data.signals, unseen.after, strict=True):
            logprob = 1.0 if signals.logprob is None else signals.logprob
            after[data.steps[question].text, signals.output_tokens, logprob] = row
    return ClassBeliefs(means, estimator, encode, before, after)


@dataclass(frozen=True, slots=True)
class _Same:
    """One belief about every step."""

    belief: Beta

    def __call__(self, steps: Sequence[StepText]) -> Floats:
        """(n, 2)"""
        row = np.array([np.log(self.belief.a / self.belief.b), np.log(self.belief.concentration)])
        return np.repeat(row[None, :], len(steps), axis=0)


def _means(data: Questions, replays: Trajectories) -> Callable[[Sequence[StepText]], Floats]:
    try:
        return ClassMeans.fit(data.steps, data.counts)
    except MissingExtraError:
        return _Same(fit_beta_ewens(replays)[0])


def _step(text: str, name: str) -> StepText:
    kind, _, model = name.partition("__")
    return StepText(text, kind, model)


def _signals(tokens: int, logprob: float) -> SampleSignals:
    """A log-probability is never above 0: there it says that none was recorded."""
    return SampleSignals(tokens, "unknown", logprob if logprob <= 0.0 else None)


def _labels(training: Trajectories, name: str | None) -> list[Label]:
    """One row for each sample of the first ordering, with the counts of the question's other samples."""
    labels = []
    for index, (text, each, counts) in enumerate(zip(training.texts, training.classes, training.recorded, strict=True)):
        step = _step(text, each if name is None else name)
        of = counts.right + sum(counts.wrong) + counts.invalid
        length = int(training.lengths[index])
        if of < 2:
            labels.append(Label(step.text, step.kind, step.model, text, counts.right, of))
            continue
        right = training.correct[index, 0, :length] & (training.votes[index, 0, :length] >= 0)
        logprobs = np.nan_to_num(training.logprobs[index, 0, :length], nan=1.0)
        for tokens, logprob, passed in zip(
            training.tokens[index, 0, :length].tolist(), logprobs.tolist(), right.tolist(), strict=True
        ):
            signals = _signals(tokens, logprob)
            labels.append(Label(step.text, step.kind, step.model, text, counts.right - passed, of - 1, signals, passed))
    return labels
